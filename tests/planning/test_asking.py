"""What is asked for becomes the wanted set: exactly these, these besides, or the others without these."""

import pytest

from ozwald.errors import RequestError
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Adding, Ask, Exactly, Removing, Same, wanted_after
from tests.builders import host, key, placed, request, wanted

HOSTS = {name: host(name) for name in ("box1", "box2")}
BEFORE = wanted(placed("box1", profile="short"), placed("box2", "web"), generation=4, leaving={"old": "box2"})


def after(ask: Ask, before: WantedSet | None = BEFORE, *, limit: str = "") -> WantedSet:
    looked_at = {name: found for name, found in HOSTS.items() if name == (limit or name)}
    return wanted_after(ask, before, known=HOSTS, looked_at=looked_at)


def names(wanted: WantedSet) -> list[str]:
    return [str(one.key) for one in wanted.instances]


def test_exactly_these_leaves_no_others() -> None:
    found = after(Exactly(requests=(request("db"), request("web"))))

    assert names(found) == ["db", "web"]
    assert {str(one.key): one.host for one in found.leaving} == {"llm": "box1", "old": "box2"}


def test_adding_keeps_the_others() -> None:
    assert names(after(Adding(requests=(request("db"),)))) == ["db", "llm", "web"]


def test_adding_what_is_there_changes_it_and_keeps_its_place() -> None:
    found = after(Adding(requests=(request(profile="long"),)))

    assert found == wanted(placed("box1", profile="long"), placed("box2", "web"), generation=4, leaving={"old": "box2"})


def test_adding_to_nothing_begins() -> None:
    assert names(after(Adding(requests=(request(),)), None)) == ["llm"]


def test_removing_keeps_the_others_and_remembers_what_has_to_go() -> None:
    found = after(Removing(keys=(key(),)))

    assert names(found) == ["web"]
    assert {str(one.key): one.host for one in found.leaving} == {"llm": "box1", "old": "box2"}


def test_removing_what_is_not_wanted_lists_what_is() -> None:
    with pytest.raises(RequestError, match=r"^no wanted instance 'qwen'; known: llm, web$"):
        after(Removing(keys=(key("qwen"),)))


def test_removing_what_a_limit_leaves_out_is_refused() -> None:
    with pytest.raises(RequestError, match=r"^llm is on box1, which --limit leaves out"):
        after(Removing(keys=(key(),)), limit="box2")


def test_removing_is_no_way_to_begin() -> None:
    with pytest.raises(RequestError, match="nothing is wanted yet"):
        after(Removing(keys=(key(),)), None)


def test_the_same_is_the_set_as_it_is() -> None:
    assert after(Same()) is BEFORE


def test_a_lost_set_goes_on_after_its_last_generation() -> None:
    found = wanted_after(Exactly(requests=()), None, known=HOSTS, looked_at=HOSTS, last_generation=9)

    assert found.generation == 9


def test_twice_the_same_name_is_refused_also_when_adding() -> None:
    with pytest.raises(RequestError, match="asked for twice"):
        after(Adding(requests=(request("db"), request("db"))))
