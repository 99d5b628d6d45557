"""YAML text becomes a tree with places, typed as YAML 1.2 does, and a bomb becomes a problem."""

import time
from pathlib import Path

import pytest
import yaml

from ozwald.config.files import Source
from ozwald.config.nodes import Node, plain_value
from ozwald.config.problems import Problems
from ozwald.config.yaml_source import Dialect, compose


def read(text: str, problems: Problems | None = None) -> Node | None:
    return compose(Source(file="f.yml", text=text), problems or Problems())


def value_of(text: str) -> object:
    problems = Problems()
    node = read(text, problems)
    assert node is not None
    assert problems.errors == []
    return plain_value(node)


def problems_of(text: str) -> list[str]:
    problems = Problems()
    read(text, problems)
    return [str(problem) for problem in problems.errors]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("17", 17),
        ("-3", -3),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("-.inf", float("-inf")),
        ("'17'", "17"),
        ('"no"', "no"),
        ("!!str 17", "17"),
        ("! 17", "17"),
        ("!!int '17'", 17),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_are_typed_by_the_core_schema(text: str, value: object) -> None:
    assert value_of(f"key: {text}") == {"key": value}


def test_a_float_keeps_its_text() -> None:
    node = read("1.10")
    assert node is not None
    assert getattr(node, "text", None) == "1.10"


def test_merge_keys_give_way_to_own_keys_and_to_earlier_maps() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n"
    assert value_of(text) == {"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"x": 3, "y": 1, "z": 2}}


def test_a_quoted_merge_key_is_a_plain_key() -> None:
    assert value_of('"<<": 1') == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yml:4:3: the key 'c' stands twice; first in line 3"),
        ("a: !secret x", "f.yml:1:4: a tag that Ozwald does not know; remove it"),
        ("a: !!python/object/apply:os.system [id]", "f.yml:1:4: a tag that Ozwald does not know; remove it"),
        ("a: !!int x", "f.yml:1:4: the text does not fit its tag"),
        ("a: *anchr\nb: &anchor 1", "f.yml:1:4: an alias without an anchor"),
        ("b: &anchor 1\na: *anchr", "f.yml:2:4: an alias without an anchor; did you mean 'anchor'?"),
        ("a: &a [*a]", "f.yml:1:8: an alias inside its own anchor has no end"),
        ("a: 1\n---\nb: 2", "f.yml:2:1: a second document starts here; one file is one document"),
        ("[1]: 2", "f.yml:1:1: a key must be a single word, not a list or a map"),
        ("? \n: 2", "f.yml:1:2: a key is missing before this ':'"),
        ("a: {<<: 3}", "f.yml:1:9: '<<' takes a map or a list of maps, as in '<<: *name'"),
        ("a:\n\t- b", "f.yml:2:1: not valid YAML: a tab, '@' or '`' starts no value; indent with spaces"),
        (
            "a: b: c",
            "f.yml:1:5: not valid YAML: a ':' does not belong here; quote the text or check the indent",
        ),
        ("[" * 100, "f.yml:1:65: nested deeper than 64 levels"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    assert problem in problems_of(text)


def test_all_duplicates_are_reported_and_the_tree_is_still_there() -> None:
    problems = Problems()
    assert read("a: 1\na: 2\nb: 1\nb: 2", problems) is not None
    assert len(problems.errors) == 2


def test_the_last_duplicate_wins_where_that_is_the_rule() -> None:
    node = compose(Source(file="f", text="a: 1\na: 2"), Problems(), dialect=Dialect(last_duplicate_wins=True))
    assert node is not None
    assert plain_value(node) == {"a": 2}


def test_an_unclosed_bracket_says_where_it_began() -> None:
    assert problems_of("a: [1, 2\nb: 3")[0].startswith(
        "f.yml:2:2: not valid YAML: while parsing a flow sequence (begun in line 1)"
    )


def alias_bomb() -> str:
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(levels)


def merge_bomb() -> str:
    levels = ["a0: &a0 {k: 1}"]
    levels += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 20)}]}}" for n in range(1, 12)]
    return "\n".join(levels)


def deep_alias() -> str:
    levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100)]
    return "\n".join(levels)


@pytest.mark.parametrize("text", [alias_bomb(), merge_bomb(), deep_alias(), "{" * 100_000, "- " * 100_000])
def test_a_bomb_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    assert problems_of(text)
    assert time.monotonic() - began < 0.5


def test_the_pure_parser_gives_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parent / "spec-example.yml").read_text()
    with_c = read(text)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read(text) == with_c
    assert problems_of("a:\n\t- b")[0].startswith("f.yml:2:1: not valid YAML: a tab")
