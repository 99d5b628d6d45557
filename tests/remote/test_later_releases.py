"""The recordings as later releases may write them: with news, with gaps, with nonsense."""

import json
import re
from typing import Any

import pytest

from ozwald.model.resources import Gpu
from tests.remote.recorded import EVERY, MEASURED, read, recorded


@pytest.mark.parametrize("name", EVERY)
def test_keys_that_nobody_knows_change_nothing(name: str) -> None:
    assert read(name, with_news(name)) == read(name)


@pytest.mark.parametrize("name", EVERY)
def test_each_fact_may_go_without_taking_others_along(name: str) -> None:
    """Every line that is one fact is left out in turn; what else is known stays as it is."""
    known = as_facts(read(name))
    text = recorded(name).decode()
    for line in facts_of(text):
        left = as_facts(read(name, without(text, line, name).encode()))
        changed = {fact for card, fact in known if left.get((card, fact)) != known[card, fact]}
        assert len(changed) <= 1 or "uuid" in line or "PCI Bus" in line, line


@pytest.mark.parametrize(
    "value", ["-1", "-5 MiB", "99999999999999999999999", "1e999", "NaN", "true", "null", "[]", "{}"]
)
@pytest.mark.parametrize("name", ["nvidia/tesla-t4.xml", "nvidia/a100-sxm4-v12.xml", "amd/rx6700xt_rocm612.json"])
def test_nonsense_in_every_fact_is_read_as_nothing(name: str, value: str) -> None:
    text = with_values(recorded(name).decode(), value)

    for card in read(name, text.encode()):
        for fact in MEASURED[card.hardware]:
            number = getattr(card, fact)
            assert number is None or isinstance(number, str | bool) or 0 <= number < 10**19, fact


def as_facts(cards: tuple[Gpu, ...]) -> dict[tuple[str, str], Any]:
    return {(card.id, fact): getattr(card, fact) for card in cards for fact in sorted(MEASURED[card.hardware])}


def facts_of(text: str) -> list[str]:
    """Lines with one fact, the first of each wording."""
    lines = [line for line in text.splitlines() if re.search(r"<\w+>.*</\w+>$|^\s*\"[^\"]+\": \"", line)]
    kinds: dict[str, str] = {}
    for line in lines:
        if "clock" not in line and not re.match(r'\s*"\d+"', line):
            kinds.setdefault(re.split(r">|\":", line)[0], line)
    return list(kinds.values())


def without(text: str, line: str, name: str) -> str:
    if name.startswith("amd/"):
        key = json.loads("{" + line.strip().rstrip(",") + "}").popitem()[0]
        document = json.loads(text)
        return json.dumps({card: {k: v for k, v in facts.items() if k != key} for card, facts in document.items()})
    return text.replace(line + "\n", "", 1)


def with_news(name: str) -> bytes:
    """The recording with a key that nobody knows beside every key that is there."""
    text = recorded(name).decode()
    if name.startswith("amd/"):
        document = json.loads(text)
        for facts in document.values():
            facts |= {"Brand New (X)": {"value": [1, {"unit": None}]}, "": "x"}
        return json.dumps(document | {"gpu9": [], "news": {"PCI Bus": "0000:ff:00.0"}}).encode()
    return re.sub(
        r"(<(?:gpu id=[^>]*|mig_device|process_info|fb_memory_usage|temperature)>)", r"\1" + NEWS, text
    ).encode()


NEWS = "<brand_new a='b'><uuid>GPU-0</uuid><total>1 MiB</total><pid>1</pid><!-- x --></brand_new>"


def with_values(text: str, value: str) -> str:
    """Every number of the recording, with its unit, replaced."""
    text = re.sub(r">-?[\d.]+( \w+| %)?</", f">{value}</", text)
    return re.sub(r'": "-?[\d.]+"', f'": "{value}"', text)
