"""What the quick look lets through, jsonschema lets through too; the rest it only passes on."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ozwald.config.quick_look import FITS, quick_look
from ozwald.config.schema_files import FOOTPRINTS, INVENTORY, REQUESTS, SETTINGS, compiled_schema
from tests.config.hostile.seeds import BOOK
from tests.config.mutations import reshaped

HERE = Path(__file__).parent
EXAMPLE = yaml.safe_load((HERE / "spec-example.yml").read_text())
RICH = {key: value for key, value in yaml.safe_load((HERE / "rich.yml").read_text()).items() if key != "x-common"}
SEEDS: dict[str, list[Any]] = {
    SETTINGS: [EXAMPLE, RICH],
    INVENTORY: [{key: RICH[key] for key in ("hosts", "groups", "provisioners")}],
    FOOTPRINTS: [yaml.safe_load(BOOK)],
    REQUESTS: [["a[b]", {"name": "a", "service": "b", "host": None}]],
}


@pytest.mark.parametrize("name", SEEDS)
def test_what_fits_at_a_quick_look_is_valid(name: str) -> None:
    schema = compiled_schema(name)
    judge = Draft202012Validator(schema)
    fitting = 0
    for number in range(400):
        chance = random.Random(number)
        value = reshaped(copy.deepcopy(chance.choice(SEEDS[name])), chance)
        if schema[FITS](value):
            fitting += 1
            assert list(judge.iter_errors(value)) == []
    assert fitting > 0


def test_what_people_write_fits_at_a_quick_look() -> None:
    schema = compiled_schema(SETTINGS)
    assert schema[FITS](EXAMPLE)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.5),
        ({"type": "string"}, None),
        ({"enum": ["a", None]}, "b"),
        ({"enum": ["1"]}, 1),
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"minimum": 1}, 0),
        ({"maximum": 1}, 2),
        ({"required": ["a"]}, {"b": 1}),
        ({"type": "string", "keyword of tomorrow": 1}, "a"),
    ],
)
def test_what_does_not_fit_is_passed_on(schema: dict[str, Any], value: object) -> None:
    assert not quick_look(schema)(value)
