"""Who is restarted: what was asked for, and what follows it, each after those it depends on."""

from collections.abc import Mapping

import pytest

from ozwald.errors import OzwaldError, RequestError
from ozwald.model.plan import Action, Plan
from ozwald.model.realm import Realm
from ozwald.model.wanted import OwedRestart, WantedSet
from ozwald.planning.planner import make_plan, placed_as
from ozwald.planning.restart import restart_plan
from ozwald.planning.situation import Situation
from tests.builders import (
    KEY,
    OTHER_CONTROLLER,
    definition,
    depends_on,
    key,
    observation,
    our_container,
    placed,
    realms,
    situation,
    wanted,
)


def services(db: str = "db:1") -> Mapping[str, Realm]:
    """`app` follows `db`, `web` follows `app`, `log` only depends on `db`."""
    return realms(
        definition("db", base={"image": db}),
        definition("app", base={"image": "app:1", "depends_on": depends_on("db", restart=True)}),
        definition("web", base={"image": "web:1", "depends_on": depends_on("app", restart=True)}),
        definition("log", base={"image": "log:1", "depends_on": depends_on("db")}),
    )


NAMES = ("app", "db", "log", "web")
FLEET = situation({"box1": observation(*map(our_container, NAMES))})


def restarts(*names: str, here: Situation = FLEET, want: WantedSet | None = None) -> list[str]:
    plan = restart_plan([key(name) for name in names], want, services(), here)
    assert {operation.action for operation in plan.operations} == {Action.RESTART}
    return [str(operation.key) for operation in plan.operations]


def test_what_was_asked_for_is_restarted_by_its_id() -> None:
    [operation] = restart_plan([key("web")], None, services(), FLEET).operations

    assert (operation.host, operation.container_id) == ("box1", our_container("web").id)


def test_what_follows_it_is_restarted_after_it_and_what_only_depends_on_it_runs_on() -> None:
    assert restarts("db") == ["db", "app", "web"]


def test_dependencies_come_first_whatever_the_order_of_the_words() -> None:
    assert restarts("log", "db")[0] == "db"


def test_what_the_settings_do_not_know_any_more_is_restarted_too() -> None:
    assert restarts("old", here=situation({"box1": observation(our_container("old", service="gone"))})) == ["old"]


def test_an_unknown_instance_lists_those_that_run() -> None:
    with pytest.raises(RequestError, match="no running instance 'llm'; known: app, db, log, web"):
        restarts("llm")


def test_one_without_a_container_says_how_to_start_it() -> None:
    with pytest.raises(RequestError, match="llm has no container; start it with: ozwald apply"):
        restarts("llm", want=wanted(placed("box1")))


def test_one_on_a_host_that_does_not_answer_is_told() -> None:
    with pytest.raises(OzwaldError, match="llm is on box2, which does not answer"):
        restarts("llm", here=situation({}, unreachable={"box2": "cut"}), want=wanted(placed("box2")))


def test_what_belongs_to_another_controller_is_not_ours_to_restart() -> None:
    with pytest.raises(RequestError, match="no running instance 'db'"):
        restarts("db", here=situation({"box1": observation(our_container("db", controller=OTHER_CONTROLLER))}))


def test_one_of_which_there_are_two_is_left_to_an_apply() -> None:
    twins = situation({host: observation(our_container("db")) for host in ("box1", "box2")})

    with pytest.raises(RequestError, match=r"db has containers on box1, box2; settle that first: ozwald apply"):
        restarts("db", here=twins)


def test_one_whose_replacement_was_interrupted_is_left_to_an_apply() -> None:
    half = situation(
        {"box1": observation(our_container("db", name=f"ozsvc--default--db--old-{'f' * 12}", id="f" * 64))}
    )

    with pytest.raises(RequestError, match="was interrupted; finish it first: ozwald apply"):
        restarts("db", here=half)


class TestInAPlan:
    """A replaced dependency takes what follows it along."""

    def plan(self, db: str, want: WantedSet) -> Plan:
        return make_plan(want, services(db), marked(), key=KEY)

    def actions(self, plan: Plan) -> dict[str, str]:
        return {str(operation.key): operation.action.value for operation in plan.operations}

    def test_what_follows_a_replaced_one_is_restarted_in_order(self) -> None:
        plan = self.plan("db:2", wanted(*NAMES))

        assert self.actions(plan) == {"db": "replace", "app": "restart", "web": "restart", "log": "keep"}
        order = [str(operation.key) for operation in plan.operations]
        assert order.index("db") < order.index("app") < order.index("web")

    def test_without_a_change_nothing_is(self) -> None:
        assert set(self.actions(self.plan("db:1", wanted(*NAMES))).values()) == {"keep"}

    def test_it_is_owed_until_it_is_done(self) -> None:
        first = self.plan("db:2", wanted(*NAMES))
        owed = placed_as(first, wanted(*NAMES), marked())

        after_a_kill = self.plan("db:1", owed)

        assert {str(one.key) for one in owed.restarts} == {"app", "web"}
        assert self.actions(after_a_kill) == {"db": "keep", "app": "restart", "web": "restart", "log": "keep"}
        assert placed_as(after_a_kill, owed, marked()).restarts == owed.restarts

    def test_it_is_owed_to_a_container_and_not_to_its_successor(self) -> None:
        gone = OwedRestart(key=key("app"), host="box1", container_id="gone", reason="it follows db")
        owed = wanted(*NAMES)
        owed = WantedSet(generation=1, instances=owed.instances, restarts=(gone,))

        plan = self.plan("db:1", owed)

        assert self.actions(plan)["app"] == "keep"
        assert placed_as(plan, owed, marked()).restarts == ()


def marked() -> Situation:
    """The four services as `db:1` has them, with the marks of their settings."""
    bare = make_plan(wanted(*NAMES), services(), situation({"box1": observation()}), key=KEY)
    containers = [
        our_container(str(operation.key), fingerprint=operation.fingerprint, limits=operation.limits)
        for operation in bare.operations
    ]
    return situation({"box1": observation(*containers)})
