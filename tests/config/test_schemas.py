"""The schemas describe every key, take both spellings, and agree with the documentation."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from ozwald.config.ansible.own_variables import VARIABLES
from ozwald.config.reference import reference
from ozwald.config.schema_files import INVENTORY, REQUESTS, SETTINGS, load_schema, spellings

DOCS = Path(__file__).parents[2] / "docs"
NAMES = [SETTINGS, INVENTORY]


def objects(part: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema that has properties."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict) and "additionalProperties" in part:
            yield path, part["properties"]
        for key, below in part.items():
            if key != "examples":
                yield from objects(below, f"{path}/{key}")


@pytest.mark.parametrize("name", [*NAMES, VARIABLES])
def test_each_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_each_key_has_a_description_and_an_example_that_fits(name: str) -> None:
    registry: Registry[Any] = Registry().with_resources(
        (other, Resource.from_contents(load_schema(other))) for other in (*NAMES, REQUESTS)
    )
    for path, properties in objects(load_schema(name)):
        for key, part in properties.items():
            if "$ref" in part:
                continue
            assert part["description"].endswith("."), f"{path}/{key}"
            whole = {**part, "$id": name, "$defs": load_schema(name)["$defs"]}
            Draft202012Validator(whole, registry=registry).validate(part["examples"][0])


@pytest.mark.parametrize("name", NAMES)
def test_each_key_of_several_words_has_both_spellings(name: str) -> None:
    for path, properties in objects(load_schema(name)):
        others = spellings(properties)
        for key in properties:
            swapped = {key.replace("-", "_"), key.replace("_", "-")} - {key}
            assert swapped <= properties.keys(), f"{path}/{key}"
            assert key in others or not any(word in others and others[word] != key for word in swapped)


@pytest.mark.parametrize("name", NAMES)
def test_no_pattern_accepts_a_final_newline(name: str) -> None:
    for pattern in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(load_schema(name))):
        assert "$" not in json.loads(pattern).replace("$(?!\\n)", ""), pattern


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_is_what_the_schemas_say(name: str) -> None:
    page = DOCS / f"{name.partition('.')[0]}.md"
    assert page.read_text() == reference(name), "run: python -m ozwald.config.reference"
