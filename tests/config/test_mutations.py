"""However files are damaged, they load or are refused with our errors, within bounds, and nothing runs.

OZWALD_SOAK sets the number of mutations, and has every hostile text read in every place.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ozwald.config.load import load_settings
from ozwald.config.schema_files import INVENTORY, SETTINGS, compiled_schema
from tests.config.hostile.cases import mutation
from tests.config.hostile.tally import Tally

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SOAK = int(os.environ.get("OZWALD_SOAK") or 0)
RUNS = {
    "mutations": ("mutations", "0", str(SOAK or 2_000)),
    "texts": ("everywhere" if SOAK else "texts",),
    "specials": ("specials",),
}

Runs = dict[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """The cases, all at once, each kind in a process whose memory is bounded."""
    with ExitStack() as stack:
        started: Runs = {}
        for name, words in RUNS.items():
            command = [sys.executable, "-m", "tests.config.hostile", *words]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            started[name] = stack.enter_context(process)
            stack.callback(process.kill)
        yield started


def tally_of(run: "subprocess.Popen[str]") -> Tally:
    output, complaint = run.communicate()
    assert run.returncode == 0, complaint[-2000:]
    return Tally.from_json(output)


@pytest.mark.timeout(7200)
def test_damaged_files_load_or_are_refused(runs: Runs, record: list[str]) -> None:
    tally = tally_of(runs["mutations"])
    record.append(f"damaged files: {tally}")
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.loaded > tally.refused / 5


@pytest.mark.timeout(7200)
def test_hostile_texts_are_read_or_refused(runs: Runs, record: list[str]) -> None:
    tally = tally_of(runs["texts"])
    record.append(f"hostile texts: {tally}")
    assert not tally.failures, "\n".join(tally.failures)


@pytest.mark.timeout(7200)
def test_what_is_no_file_and_programs_that_misbehave_are_refused(runs: Runs, record: list[str]) -> None:
    tally = tally_of(runs["specials"])
    record.append(f"special files, folders and scripts: {tally}")
    assert not tally.failures, "\n".join(tally.failures)


def test_a_number_always_means_the_same_damage() -> None:
    assert [mutation(number) for number in range(200)] == [mutation(number) for number in range(200)]


def test_the_undamaged_seed_loads() -> None:
    settings = load_settings(HERE / "rich.yml", inventory=None, environ={"HOME": "/"}, cwd=HERE)
    definition = settings.realms["default"].definitions["qwen"]
    assert definition.varieties.keys() == {"big", "amdgpu", "cpu-only"}


def test_the_seed_has_every_key_there_is() -> None:
    written = (HERE / "rich.yml").read_text()
    for schema in (SETTINGS, INVENTORY):
        known = set(property_names(compiled_schema(schema)))
        assert {key for key in known if not re.search(rf"\b{key.replace('_', '[-_]')}:", written)} == set()


def property_names(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, part in schema.get("properties", {}).items():
        yield key
        yield from property_names(part)
    for below in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(below, dict):
            yield from property_names(below)
