"""A service means what Docker Compose says it means, apart from what docs/compose.md says."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ozwald.config.compose_hints import TABLES, hint
from ozwald.config.schema_files import SETTINGS, load_schema
from ozwald.errors import SettingsError
from tests.config.compose import (
    DIFFERENCES,
    MARK,
    MEANT,
    ComposeRefused,
    Service,
    Snippet,
    accepted_files,
    both_refuse,
    keys_not_there,
    noted,
    only_compose_refuses,
    only_ozwald_refuses,
    prepared,
    resolved_by_compose,
    resolved_by_ozwald,
    together,
)
from tests.config.compose_form import Form, form_of_compose, form_of_spec

PAGE = Path(__file__).parents[2] / "docs" / "compose.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("compose"))


@pytest.mark.parametrize("file", accepted_files(), ids=lambda file: file.stem)
def test_a_service_is_what_compose_makes_of_it(file: Path, folder: Path) -> None:
    text = file.read_text().replace("/FOLDER", str(folder))
    theirs = resolved_by_compose(text, folder)
    ours = resolved_by_ozwald(text, folder)

    assert ours.keys() == theirs.keys()
    special = noted(text, MEANT)
    documented = {
        name: form_of_compose(as_documented(service) | special.get(name, {})) for name, service in theirs.items()
    }
    assert unlike({name: form_of_spec(spec) for name, spec in ours.items()}, documented) == {}


def as_documented(service: Service) -> dict[str, Any]:
    """What Ozwald should make of a service: Compose's, but for what is different everywhere."""
    environment = {name: value for name, value in service.get("environment", {}).items() if value is not None}
    volumes = [
        mount | {"source": mount["source"].removeprefix("corpus_")} if "source" in mount else mount
        for mount in service.get("volumes", ())
    ]
    restart = {"restart": "unless-stopped"}
    return restart | {**service, "environment": environment, "volumes": volumes}


def unlike(ours: Mapping[str, Form], theirs: Mapping[str, Form]) -> dict[str, Any]:
    """Each field in which they differ: Ozwald's and Compose's."""
    return {
        f"{name}.{field}": (form.get(field), theirs[name].get(field))
        for name, form in ours.items()
        for field in form.keys() | theirs[name].keys()
        if form.get(field) != theirs[name].get(field)
    }


def test_a_difference_is_one(folder: Path) -> None:
    text = DIFFERENCES.read_text()
    theirs = resolved_by_compose(text, folder)
    ours = resolved_by_ozwald(text, folder)

    assert noted(text, MARK).keys() == theirs.keys()
    assert [name for name, spec in ours.items() if form_of_spec(spec) == form_of_compose(theirs[name])] == []


@pytest.mark.parametrize("snippet", both_refuse(), ids=lambda snippet: snippet.name)
def test_what_compose_refuses_is_refused(snippet: Snippet, folder: Path) -> None:
    with pytest.raises(ComposeRefused):
        resolved_by_compose(snippet.services, folder)
    with pytest.raises(SettingsError):
        resolved_by_ozwald(snippet.services, folder)


@pytest.mark.parametrize("snippet", only_compose_refuses(), ids=lambda snippet: snippet.name)
def test_what_only_compose_refuses_is_taken(snippet: Snippet, folder: Path) -> None:
    with pytest.raises(ComposeRefused):
        resolved_by_compose(snippet.services, folder)
    assert resolved_by_ozwald(snippet.services, folder)


def test_what_only_ozwald_refuses_is_taken_by_compose(folder: Path) -> None:
    assert resolved_by_compose(together([*only_ozwald_refuses(), *keys_not_there()]), folder)


@pytest.mark.parametrize("snippet", only_ozwald_refuses(), ids=lambda snippet: snippet.name)
def test_what_only_ozwald_refuses_is_an_error(snippet: Snippet, folder: Path) -> None:
    with pytest.raises(SettingsError):
        resolved_by_ozwald(snippet.services, folder)


@pytest.mark.parametrize("snippet", keys_not_there(), ids=lambda snippet: snippet.name)
def test_a_key_that_is_not_there_is_an_error_that_says_what_to_do(snippet: Snippet, folder: Path) -> None:
    place, _, key = snippet.name.rpartition(": ")
    with pytest.raises(SettingsError) as caught:
        resolved_by_ozwald(snippet.services, folder)
    assert [problem.message for problem in caught.value.problems] == [hint(place or "service", key)]


def test_each_key_that_is_not_there_is_in_the_corpus() -> None:
    there = [snippet.name.rpartition(": ") for snippet in keys_not_there()]
    for place in ("service", "attachment", "bind", "volume"):
        assert {key for found, _, key in there if (found or "service") == place} == TABLES[place].keys()


def test_no_key_that_is_there_is_among_those_that_are_not() -> None:
    for name, properties in parts_with_hints(load_schema(SETTINGS)):
        assert not TABLES[name].keys() & properties.keys()


def parts_with_hints(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of a schema that name a table of keys that are not there, each with its properties."""
    if isinstance(part, dict):
        if isinstance(part.get("hints"), str):
            yield part["hints"], part["properties"]
        for below in part.values():
            yield from parts_with_hints(below)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("What is read otherwise", set(noted(DIFFERENCES.read_text(), MARK).values())),
        ("What is refused", {snippet.differs for snippet in only_ozwald_refuses()}),
        ("What is taken besides", {snippet.differs for snippet in only_compose_refuses()}),
    ],
)
def test_the_documentation_has_each_difference(heading: str, names: set[str]) -> None:
    assert rows(heading).keys() == names


def test_the_documentation_has_each_key_that_is_not_there() -> None:
    assert rows("Keys that are not there") == {f"`{key}`": (instead,) for key, instead in TABLES["service"].items()}


def rows(heading: str) -> dict[str, tuple[str, ...]]:
    """The rows of the table under a heading, by their first cell."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return {name: tuple(cells) for name, *cells in lines[2:]}
