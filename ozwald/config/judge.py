"""Finds what is wrong with a value by jsonschema; loaded only for values that a quick look does not let through."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from ozwald.config.quick_look import FITS


def errors(schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
    """Everything in which a value does not fit a schema, as `compiled_schema` gives it."""
    found: Iterator[ValidationError] = _Judge(schema).iter_errors(value)
    return found


def _properties(validator: Any, properties: Any, instance: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key, value in instance.items():
            part = properties.get(key)
            if part is not None and not part[FITS](value):
                yield from validator.descend(value, part, path=key, schema_path=key)


def _additional(validator: Any, rest: Any, instance: object, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    unknown = [key for key in instance if key not in known]
    if rest is False and unknown:
        yield ValidationError("unknown keys")
    elif rest:
        for key in unknown:
            if not rest[FITS](instance[key]):
                yield from validator.descend(instance[key], rest, path=key)


def _items(validator: Any, part: Any, instance: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, list):
        for at, value in enumerate(instance):
            if not part[FITS](value):
                yield from validator.descend(value, part, path=at)


def _names(validator: Any, part: Any, instance: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in instance:
            if not part[FITS](key):
                yield from validator.descend(key, part)


def _unique(validator: Any, wanted: Any, instance: object, schema: object) -> Iterator[ValidationError]:
    # jsonschema compares each with each where they cannot be sorted; what is no text has an error of its own.
    if isinstance(instance, list):
        texts = [item for item in instance if isinstance(item, str)]
        if len(set(texts)) < len(texts):
            yield ValidationError("not unique")


_Judge: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "properties": _properties,
        "additionalProperties": _additional,
        "items": _items,
        "propertyNames": _names,
        "uniqueItems": _unique,
    },
)
