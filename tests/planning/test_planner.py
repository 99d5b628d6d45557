"""What a plan says has to happen, and in which order."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ozwald.errors import RequestError
from ozwald.model.container import ObservedContainer, container_name, leftover_name
from ozwald.model.plan import Action
from ozwald.model.realm import Realm
from ozwald.planning.planner import placed_as
from tests.builders import (
    OTHER_CONTROLLER,
    container,
    definition,
    depends_on,
    gpu,
    observation,
    our_container,
    placed,
    realms,
    request,
    situation,
    wanted,
)
from tests.planning.planned import NAME, mark, only, plan, running, told


class TestOneInstance:
    def test_what_is_not_there_is_created(self) -> None:
        operation = only(plan())

        assert (operation.action, operation.host, operation.container_id) == (Action.CREATE, "box1", None)

    @pytest.mark.parametrize("status", ["Up 3 minutes", "Up 3 minutes (healthy)"])
    def test_what_is_as_wanted_and_available_is_kept(self, status: str) -> None:
        operation = only(plan(seen={"box1": observation(running(status=status))}))

        assert operation.action is Action.KEEP

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("running", "Up 3 seconds (health: starting)"),
            ("running", "Up 1 second"),
            ("running", "Up 3 minutes (unhealthy)"),
            ("restarting", "Restarting (1) 2 seconds ago"),
            ("paused", "Up 3 minutes (Paused)"),
            ("created", "Created"),
            ("exited", "Exited (1) 2 minutes ago"),
        ],
    )
    def test_what_is_as_wanted_but_not_available_is_started(self, state: str, status: str) -> None:
        current = running(state=state, status=status)

        operation = only(plan(seen={"box1": observation(current)}))

        assert (operation.action, operation.container_id) == (Action.START, current.id)

    @pytest.mark.parametrize("state", ["dead", "removing"])
    def test_what_cannot_be_started_any_more_is_replaced(self, state: str) -> None:
        current = running(state=state)

        operation = only(plan(seen={"box1": observation(current)}))

        assert (operation.action, operation.container_id) == (Action.REPLACE, current.id)

    def test_what_is_not_as_wanted_is_replaced(self) -> None:
        current = running(fingerprint="another")

        operation = only(plan(seen={"box1": observation(current)}))

        assert (operation.action, operation.container_id) == (Action.REPLACE, current.id)
        assert operation.fingerprint == mark()

    @pytest.mark.parametrize(
        ("labels", "reason"),
        [
            ({"fingerprint": "x"}, "its settings changed"),
            ({"fingerprint": "x", "service": "old"}, "service old -> llm"),
            ({"fingerprint": "x", "variety": "nvidia"}, "variety nvidia -> none"),
            (
                {"fingerprint": "x", "variety": "nvidia", "profile": "fast"},
                "variety nvidia -> none, profile fast -> none",
            ),
        ],
    )
    def test_the_reason_for_a_replacement_says_what_changed(self, labels: dict[str, str], reason: str) -> None:
        assert only(plan(seen={"box1": observation(running(**labels))})).reason == reason

    def test_what_is_no_longer_wanted_is_stopped(self) -> None:
        operation = only(plan(wanted(), {"box1": observation(running())}))

        assert (operation.action, operation.container_id) == (Action.STOP, "id-of-ozsvc--default--llm")
        assert operation.reason == "no longer wanted"

    def test_what_moved_is_stopped_where_it_was_before_it_is_created_where_it_goes(self) -> None:
        made = plan(wanted(request(host="box2")), {"box1": observation(running()), "box2": observation()})

        assert told(made) == ["stop llm on box1", "create llm on box2"]
        assert made.operations[0].reason == "it belongs on box2 now"

    def test_the_same_name_in_two_realms_is_two_instances(self) -> None:
        known = realms(definition("llm"), definition("llm", realm="lab"))

        made = plan(wanted("llm", request(realm="lab")), {"box1": observation(running())}, known)

        assert told(made) == ["keep llm on box1", "create lab:llm on box1"]


class TestContainersOfOthers:
    def test_one_that_has_our_name_blocks_and_is_left_alone(self) -> None:
        operation = only(plan(seen={"box1": observation(container(NAME))}))

        assert (operation.action, operation.container_id) == (Action.BLOCKED, None)
        assert f"a container that is not ours has the name {NAME} on box1" in operation.reason

    def test_one_of_another_controller_blocks_and_is_left_alone(self) -> None:
        theirs = running(controller=OTHER_CONTROLLER)

        operation = only(plan(seen={"box1": observation(theirs)}))

        assert (operation.action, operation.container_id) == (Action.BLOCKED, None)
        assert f"belongs to another controller ({OTHER_CONTROLLER})" in operation.reason

    def test_an_instance_that_another_controller_runs_gets_no_twin_on_another_host(self) -> None:
        theirs = running(controller=OTHER_CONTROLLER)

        made = plan(seen={"box1": observation(), "box2": observation(theirs)})

        assert told(made) == ["blocked llm on None"]
        assert "ozwald adopt llm" in only(made).reason

    def test_their_instance_of_that_name_on_a_host_we_do_not_mean_is_none_of_ours(self) -> None:
        world = {"box1": observation(), "box2": observation(running(controller=OTHER_CONTROLLER))}

        assert told(plan(wanted(request("llm", host="box1")), world)) == ["create llm on box1"]

    @pytest.mark.parametrize(
        "theirs",
        [
            container("nginx"),
            container(NAME),
            container("ozsvc--default--other"),
            container(leftover_name(NAME, "0123456789abcdef")),
            our_container(controller=OTHER_CONTROLLER),
            our_container(controller=""),
            replace(our_container(), labels={"ozwald.controller": "c0ffee"}),
            our_container(name="made-from-docker-commit"),
            our_container(name=leftover_name(NAME, "0123456789abcdef")),
            our_container(name=container_name("default", "other")),
        ],
    )
    def test_nothing_unknown_is_ever_stopped(self, theirs: ObservedContainer) -> None:
        assert not plan(wanted(), {"box1": observation(theirs)}).operations

    def test_one_with_the_labels_of_another_instance_blocks_and_is_left_alone(self) -> None:
        operation = only(plan(seen={"box1": observation(our_container("other", name=NAME))}))

        assert operation.action is Action.BLOCKED
        assert "a container that is not ours" in operation.reason

    def test_ours_is_not_mistaken_for_theirs_on_another_host(self) -> None:
        made = plan(seen={"box1": observation(container(NAME)), "box2": observation(running())})

        assert told(made) == ["keep llm on box2"]

    def test_an_instance_that_is_blocked_where_it_goes_stays_where_it_is(self) -> None:
        world = {"box1": observation(running()), "box2": observation(container(NAME))}

        made = plan(wanted(request(host="box2")), world)

        assert told(made) == ["blocked llm on box2"]


class TestInterruptedReplacements:
    OLD = running(fingerprint="before", name=leftover_name(NAME, "0" * 64), id="0" * 64)

    def test_without_the_new_one_the_replacement_begins_again(self) -> None:
        operation = only(plan(seen={"box1": observation(self.OLD)}))

        assert (operation.action, operation.container_id, operation.leftovers) == (Action.REPLACE, self.OLD.id, ())

    def test_with_the_new_one_it_is_gone_on_with(self) -> None:
        new = running(state="created")

        operation = only(plan(seen={"box1": observation(self.OLD, new)}))

        assert (operation.action, operation.container_id) == (Action.START, new.id)
        assert operation.leftovers == (self.OLD.id,)

    def test_with_a_new_one_that_runs_only_the_old_one_is_left_to_remove(self) -> None:
        operation = only(plan(seen={"box1": observation(self.OLD, running())}))

        assert (operation.action, operation.leftovers) == (Action.START, (self.OLD.id,))

    def test_settings_that_changed_since_replace_the_new_one_too(self) -> None:
        new = running(fingerprint="between")

        operation = only(plan(seen={"box1": observation(self.OLD, new)}))

        assert (operation.action, operation.container_id) == (Action.REPLACE, new.id)
        assert operation.leftovers == (self.OLD.id,)

    def test_what_is_not_wanted_goes_with_all_that_was_left(self) -> None:
        made = plan(wanted(), {"box1": observation(self.OLD, running())})

        assert [operation.action for operation in made.operations] == [Action.STOP, Action.STOP]
        assert {operation.container_id for operation in made.operations} == {self.OLD.id, running().id}


class TestHostsThatDoNotAnswer:
    def test_what_may_run_there_is_blocked_and_what_is_seen_of_it_elsewhere_is_left_alone(self) -> None:
        world = situation({"box1": observation(running())}, unreachable={"box2": "timed out"})

        made = plan(wanted(placed("box2")), world)

        assert told(made) == ["blocked llm on None"]

    def test_the_plan_says_who_does_not_answer(self) -> None:
        world = situation({"box1": observation()}, unreachable={"box2": "timed out"})

        assert plan(seen=world).unreachable == {"box2": "timed out"}

    def test_what_fits_nowhere_now_goes_on_where_it_runs(self) -> None:
        known = realms(definition("llm", varieties={"nvidia": {}}))

        made = plan(seen={"box1": observation(our_container(variety="nvidia"))}, known=known)

        assert told(made) == ["blocked llm on None"]
        assert only(made).fits_nowhere


def test_what_has_to_go_from_a_host_that_does_not_answer_is_blocked_after_all_else() -> None:
    world = situation({"box1": observation()}, unreachable={"box2": "timed out"})
    known = realms(definition("llm"), definition("web"))

    made = plan(wanted("llm", leaving={"web": "box2"}), world, known)

    assert told(made) == ["create llm on box1", "blocked web on box2"]
    assert made.operations[-1].reason == "cannot be stopped: box2 is unreachable; apply again when it is back"


def test_where_an_instance_is_moved_from_is_written_down_until_it_has_gone() -> None:
    want = wanted(placed("box1", host="box2"))
    before = situation({"box1": observation(running()), "box2": observation()})
    after = situation({"box1": observation(), "box2": observation(running())})

    moving = placed_as(plan(want, before), want, before)

    assert moving == wanted(placed("box2", host="box2"), leaving={"llm": "box1"})
    assert placed_as(plan(moving, after), moving, after) == wanted(placed("box2", host="box2"))


@pytest.mark.parametrize(
    ("status", "action"), [("Up 3 minutes", Action.KEEP), ("Up 3 minutes (unhealthy)", Action.REPLACE)]
)
def test_what_has_lost_its_card_is_replaced_once_it_is_not_available(status: str, action: Action) -> None:
    known = realms(definition("llm", varieties={"nvidia": {}}))
    seen = {"box1": observation(gpus=[gpu(1)])}
    mark = only(plan(seen=seen, known=known)).fingerprint
    lost = our_container(variety="nvidia", gpus=gpu(0).id, fingerprint=mark, status=status)

    assert only(plan(seen={"box1": observation(lost, gpus=[gpu(1)])}, known=known)).action is action


def test_outside_of_a_limit_nothing_happens() -> None:
    world = situation({"box1": observation(), "box2": observation(running())}, limit=["box1"])

    assert not plan(wanted(placed("box2")), world).operations


class TestOrder:
    def services(self, **dependencies: str) -> dict[str, Realm]:
        return realms(
            *(
                definition(name, base={"image": "x:1", "depends_on": depends_on(*first.split())})
                for name, first in dependencies.items()
            )
        )

    def order(self, known: Mapping[str, Realm], *names: str) -> list[str]:
        made = plan(wanted(*names), known=known)
        return [operation.key.name for operation in made.operations if operation.action is Action.CREATE]

    def test_what_others_depend_on_comes_first(self) -> None:
        known = self.services(a="b", b="c d", c="d", d="")

        assert self.order(known, "a", "b", "c", "d") == ["d", "c", "b", "a"]

    def test_stops_come_first_of_all(self) -> None:
        made = plan("llm", {"box1": observation(our_container("zzz"))})

        assert told(made) == ["stop zzz on box1", "create llm on box1"]

    @pytest.mark.parametrize(
        ("dependencies", "circle"),
        [
            ({"a": "b", "b": "a"}, {"a", "b"}),
            ({"a": "a"}, {"a"}),
            ({"x": "a", "a": "b", "b": "c", "c": "a"}, set("abc")),
        ],
    )
    def test_a_circle_is_an_error_that_shows_it(self, dependencies: dict[str, str], circle: set[str]) -> None:
        with pytest.raises(RequestError, match="depends_on forms a circle: ") as refused:
            plan(wanted(*dependencies), known=self.services(**dependencies))

        shown = str(refused.value).partition("circle: ")[2].partition(";")[0].split(" -> ")
        assert set(shown) == circle
        assert shown[0] == shown[-1]

    def test_what_depends_on_an_instance_that_is_not_wanted_is_blocked(self) -> None:
        operation = only(plan(wanted("a"), known=self.services(a="b", b="")))

        assert operation.action is Action.BLOCKED
        assert operation.reason == "it depends on b, which is not part of what is wanted; add it to the request"

    def test_what_depends_on_a_blocked_one_is_blocked_in_turn(self) -> None:
        known = self.services(a="b", b="c", c="")
        world = {"box1": observation(container(container_name("default", "c")))}

        made = plan(wanted("a", "b", "c"), world, known)

        assert {operation.key.name: operation.action for operation in made.operations} == dict.fromkeys(
            "abc", Action.BLOCKED
        )

    def test_what_runs_and_depends_on_a_blocked_one_goes_on_running(self) -> None:
        known = self.services(a="b", b="")
        world = {"box1": observation(our_container("a"), container(container_name("default", "b")))}

        assert not plan(wanted("a", "b"), world, known).changes

    def test_what_moves_but_depends_on_a_blocked_one_stays_where_it_is(self) -> None:
        known = self.services(a="b", b="")
        blocker = container(container_name("default", "b"))
        world = {"box1": observation(our_container("a"), blocker), "box2": observation(blocker)}

        assert not plan(wanted(request("a", host="box2"), "b"), world, known).changes

    def test_an_optional_dependency_that_is_missing_blocks_nothing(self) -> None:
        known = realms(definition("a", base={"image": "a:1", "depends_on": depends_on("b", required=False)}))

        assert only(plan(wanted("a"), known=known)).action is Action.CREATE

    def test_a_dependency_outside_of_a_limit_blocks_nothing(self) -> None:
        known = self.services(a="b", b="")
        world = situation({"box1": observation(), "box2": observation()}, limit=["box1"])

        made = plan(wanted("a", placed("box2", "b")), world, known)

        assert told(made) == ["create a on box1"]

    def test_a_dependency_is_of_the_same_realm(self) -> None:
        lab = definition("a", base={"image": "x:1", "depends_on": depends_on("b")}, realm="lab")
        known = realms(lab, definition("b"))

        made = plan(wanted(request("a", realm="lab"), "b"), known=known)

        assert told(made) == ["create b on box1", "blocked lab:a on box1"]


def test_the_chosen_hosts_are_written_into_the_wanted_set() -> None:
    want = wanted("llm", placed("box9", "other"), generation=7)
    known = realms(definition("llm"), definition("other"))
    world = situation({"box1": observation()}, unreachable={"box9": "timed out"})

    after = placed_as(plan(want, world, known), want, world)

    assert after == wanted(placed("box1"), placed("box9", "other"), generation=7)


def test_an_instance_that_is_blocked_where_it_would_go_is_written_down_where_it_was() -> None:
    want = wanted(placed("box1", host="box2"))
    world = situation({"box1": observation(running()), "box2": observation(container(NAME))})

    assert placed_as(plan(want, world), want, world) == want


def test_a_plan_gives_each_operation_its_cards() -> None:
    known = realms(definition("llm", varieties={"nvidia": {}}))

    operation = only(plan(seen={"box1": observation(gpus=[gpu(0, used_gib=1), gpu(1)])}, known=known))

    assert operation.placement is not None
    assert [card.index for card in operation.placement.gpus] == [1]
