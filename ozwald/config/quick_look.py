"""Tells values that surely fit a schema, so that jsonschema only sees the others and says what is wrong.

Nearly everything in a large file fits, and finding that out here costs a tenth of what it costs there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

FITS = "fits"

Fits = Callable[[Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_ALL_TYPES = frozenset(kind for kinds in _TYPES.values() for kind in kinds)
_UNDERSTOOD = frozenset(
    (
        *("type", "enum", "pattern", "patternErrorMessage", "minimum", "maximum", "items", "uniqueItems"),
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "required", "spellings"),
        *("hints", "typeErrorMessage"),
    )
)


def quick_look(schema: Mapping[str, Any]) -> Fits:
    """A function that is true only for values that fit; each part of the schema has its own under FITS."""
    if not schema.keys() <= _UNDERSTOOD:
        return lambda value: False
    types = _types(schema)
    looks = _looks(schema)

    def fits(value: Any) -> bool:
        kind = type(value)
        return kind in types and (kind not in looks or looks[kind](value))

    return fits


def _types(schema: Mapping[str, Any]) -> frozenset[type]:
    wanted = schema.get("type")
    if wanted is None:
        return _ALL_TYPES
    return frozenset(kind for name in ([wanted] if isinstance(wanted, str) else wanted) for kind in _TYPES[name])


def _looks(schema: Mapping[str, Any]) -> dict[type, Fits]:
    """What there is to look at in a value, by its type."""
    looks: dict[type, Fits] = {}
    if "enum" in schema:
        words = frozenset(word for word in schema["enum"] if isinstance(word, str))
        looks = dict.fromkeys(_ALL_TYPES, lambda value: value is None and None in schema["enum"])
        looks[str] = words.__contains__
    elif "pattern" in schema:
        search = re.compile(schema["pattern"]).search
        looks[str] = lambda value: search(value) is not None
    if "minimum" in schema or "maximum" in schema:
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        looks[int] = looks[float] = lambda value: low <= value <= high
    if "items" in schema:
        looks[list] = _list_look(schema["items"][FITS], unique=schema.get("uniqueItems", False))
    if {"properties", "additionalProperties", "propertyNames", "required"} & schema.keys():
        looks[dict] = _map_look(schema)
    return looks


def _list_look(item_fits: Fits, *, unique: bool) -> Fits:
    # A list that must not have the same twice is left to jsonschema.
    return lambda items: (not unique or len(items) < 2) and all(map(item_fits, items))


def _map_look(schema: Mapping[str, Any]) -> Fits:
    known = {key: part[FITS] for key, part in schema.get("properties", {}).items()}
    rest = schema.get("additionalProperties", {})
    rest_fits: Fits = rest[FITS] if rest else lambda value: rest is not False
    name_fits = schema["propertyNames"][FITS] if "propertyNames" in schema else None
    required = schema.get("required", ())

    def fits(entries: Mapping[str, Any]) -> bool:
        if name_fits and not all(map(name_fits, entries)):
            return False
        return all(known.get(key, rest_fits)(value) for key, value in entries.items()) and all(
            key in entries for key in required
        )

    return fits
