"""What is asked for becomes the wanted set: exactly these, these besides, or the others without these."""

import pytest

from ozwald.errors import RequestError
from ozwald.model.request import InstanceRequest
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.asking import Adding, Ask, Exactly, Removing, Same, wanted_after
from tests.builders import host, key, placed, request, wanted

HOSTS = {name: host(name) for name in ("box1", "box2")}
BEFORE = wanted(placed("box1", profile="short"), placed("box2", "web"), generation=4, leaving={"old": "box2"})


def after(
    ask: Ask, before: WantedSet | None = BEFORE, *, limit: str = "", always: tuple[InstanceRequest, ...] = ()
) -> WantedSet:
    looked_at = {name: found for name, found in HOSTS.items() if name == (limit or name)}
    return wanted_after(ask, before, known=HOSTS, looked_at=looked_at, persistent=always)


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


class TestPersistent:
    """What the settings always want."""

    DB = request("db", profile="big")
    SET = wanted(WantedInstance(request=DB, placed_on="box2", persistent=True), placed("box1"), generation=4)

    @pytest.mark.parametrize(
        ("ask", "expected"),
        [
            (Exactly(requests=()), ["db"]),
            (Exactly(requests=(request("web"),)), ["db", "web"]),
            (Adding(requests=(request("web"),)), ["db", "llm", "web"]),
            (Removing(keys=(key(),)), ["db"]),
            (Same(), ["db", "llm"]),
        ],
    )
    def test_it_is_part_of_every_set_and_keeps_its_place(self, ask: Ask, expected: list[str]) -> None:
        found = after(ask, self.SET, always=(self.DB,))

        assert names(found) == expected
        assert found.instances[0] == self.SET.instances[0]

    @pytest.mark.parametrize("ask", [Exactly(requests=()), Adding(requests=()), Same()])
    def test_what_is_new_in_the_settings_joins_what_is_asked_for(self, ask: Ask) -> None:
        assert "db" in names(after(ask, always=(self.DB,)))

    @pytest.mark.parametrize("ask", [Adding(requests=()), Same(), Exactly(requests=(request(),))])
    def test_what_is_gone_from_the_settings_has_to_go(self, ask: Ask) -> None:
        found = after(ask, self.SET)

        assert names(found) == ["llm"]
        assert [(str(one.key), one.host) for one in found.leaving] == [("db", "box2")]

    def test_the_same_with_nothing_new_is_the_set_as_it_is(self) -> None:
        assert after(Same(), self.SET, always=(self.DB,)) is self.SET

    def test_it_begins_where_nothing_was_asked_for(self) -> None:
        assert names(after(Same(), None, always=(self.DB,))) == ["db"]

    def test_it_does_not_take_the_place_of_a_lost_set(self) -> None:
        with pytest.raises(RequestError, match="nothing is wanted yet"):
            wanted_after(Same(), None, known=HOSTS, looked_at=HOSTS, persistent=(self.DB,), last_generation=9)

    def test_it_cannot_be_removed(self) -> None:
        with pytest.raises(RequestError, match="db is persistent and stays; change persistent-services in"):
            after(Removing(keys=(key("db"),)), self.SET, always=(self.DB,))

    def test_it_may_be_named_and_what_the_name_leaves_open_is_as_the_settings_say(self) -> None:
        for asked in (request("db"), self.DB):
            assert after(Exactly(requests=(asked,)), self.SET, always=(self.DB,)).instances == self.SET.instances[:1]

    @pytest.mark.parametrize("other", [{"profile": "small"}, {"service": "llm"}, {"host": "box1"}])
    def test_another_form_of_it_is_refused(self, other: dict[str, str]) -> None:
        with pytest.raises(RequestError, match="db is persistent, and this is another form of it"):
            after(Adding(requests=(request("db", **other),)), self.SET, always=(self.DB,))

    def test_what_was_asked_for_becomes_persistent_and_goes_with_the_settings(self) -> None:
        then = after(Same(), always=(request(profile="short"),))

        assert [one.persistent for one in then.instances] == [True, False]
        assert names(after(Same(), then)) == ["web"]
