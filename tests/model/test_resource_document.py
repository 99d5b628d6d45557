"""The JSON of a host's facts, and the page that documents it."""

import json
import re
from dataclasses import MISSING, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import yaml

from ozwald.model.resource_document import resource_document
from ozwald.model.resources import (
    ContainerToolkit,
    DockerFacts,
    Gpu,
    Hardware,
    Holder,
    HostResources,
    Listener,
    MigDevice,
    OtherCard,
)

PAGE = (Path(__file__).parents[2] / "docs" / "resources.md").read_text(encoding="utf-8")
SECTIONS = {
    "Host": HostResources,
    "Engine": DockerFacts,
    "Listener": Listener,
    "Container toolkit": ContainerToolkit,
    "Card": Gpu,
    "MIG device": MigDevice,
    "Holder": Holder,
    "Other card": OtherCard,
}
KINDS = {str: "text", Hardware: "text", int: "whole number", float: "number", bool: "true or false"}
HOLDER = Holder(pid=5, vram_bytes=7, command="python", missing={"user": "the process has ended"})
WHOLE = Gpu(hardware=Hardware.NVIDIA, index=0, id="GPU-1", name="A100", refusal="split", holders=(HOLDER,))
SLICE = Gpu(
    hardware=Hardware.NVIDIA,
    index=0,
    id="MIG-1",
    name="A100 MIG 1g.10gb",
    vram_total_bytes=100,
    vram_used_bytes=30,
    vram_reserved_bytes=20,
    mig=MigDevice(parent_id="GPU-1", index=0, profile="1g.10gb"),
)
FOUND = HostResources(
    host="box1",
    observed_at=1000.0,
    docker=DockerFacts(version="28.5.1", runtimes=("runc", "nvidia")),
    listeners=(Listener(protocol="tcp", address="::", port=22),),
    container_toolkit=ContainerToolkit(tools=("nvidia-ctk",)),
    gpus=(WHOLE, SLICE),
    other_cards=(OtherCard(pci_address="0000:00:02.0", vendor_id="8086", device_id="56a0", name="Arc"),),
    missing={"os": "nobody says"},
)


def documented(section: str) -> dict[str, tuple[str, str]]:
    """Keys of a section of the page, with their kinds and when they are null."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|([^|]*)\|$", text, re.MULTILINE)
    return {key: (kind.strip(), null.strip()) for key, kind, _, null in rows}


def kind_of(hint: Any) -> str:
    """How the page calls a type."""
    options = [option for option in get_args(hint) if option is not NoneType] if get_args(hint) else [hint]
    if NoneType in get_args(hint):
        plain = kind_of(options[0])
        return "true, false or null" if plain == "true or false" else f"{plain} or null"
    if hint in KINDS:
        return KINDS[hint]
    if get_origin(hint) is tuple:
        return "list"
    return "map" if get_origin(hint) is not None else "object"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_lists_exactly_the_keys_that_there_are(section: str) -> None:
    document = resource_document(FOUND, now=1000.0)
    card = document["gpus"][1] | {"holders": document["gpus"][0]["holders"]}
    objects = {
        "Host": document,
        "Engine": document["docker"],
        "Listener": document["listeners"][0],
        "Container toolkit": document["container_toolkit"],
        "Card": card,
        "MIG device": card["mig"],
        "Holder": card["holders"][0],
        "Other card": document["other_cards"][0],
    }

    assert list(documented(section)) == list(objects[section])


@pytest.mark.parametrize(("section", "kind"), SECTIONS.items(), ids=SECTIONS.keys())
def test_the_page_says_what_kind_each_value_is_and_when_it_is_null(section: str, kind: type) -> None:
    hints = get_type_hints(kind)
    rows = documented(section)
    for key, (said, null) in rows.items():
        if key in hints:
            assert said == kind_of(hints[key]), key
        assert bool(null) == said.endswith("null"), key


def test_every_fact_that_can_be_none_has_a_place_for_the_reason() -> None:
    for kind in SECTIONS.values():
        assert "missing" in {field.name for field in fields(kind)}
        assert all(field.default is not MISSING or field.default_factory is not MISSING for field in optional(kind))


def optional(kind: type) -> list[Any]:
    hints = get_type_hints(kind)
    return [field for field in fields(kind) if NoneType in get_args(hints[field.name])]


def test_the_document_has_the_age_and_what_is_free() -> None:
    document = resource_document(FOUND, now=1002.5)

    assert (document["host"], document["age_s"], document["observed_at"]) == ("box1", 2.5, 1000.0)
    assert [card["vram_free_bytes"] for card in document["gpus"]] == [None, 50]
    assert document["gpus"][1]["hardware"] == "nvidia"
    assert document["missing"] == {"os": "nobody says"}


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert resource_document(replace(FOUND, observed_at=2000.0), now=1000.0)["age_s"] == 0


def test_json_and_yaml_say_the_same() -> None:
    document = resource_document(FOUND, now=1000.0)

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert yaml.safe_load(yaml.safe_dump(document)) == document
