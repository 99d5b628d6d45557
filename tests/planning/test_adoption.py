"""What another controller left is taken over where that makes no twin, and is ours from then on."""

from dataclasses import replace

from ozwald.model.container import LABEL_LIMITS, ObservedContainer, container_name, leftover_name
from ozwald.model.plan import Action
from ozwald.model.wanted import Adopted, WantedSet
from ozwald.planning.adoption import Candidate, candidates, judged, with_adopted
from ozwald.planning.fingerprint import marks
from ozwald.planning.planner import make_plan, placed_as
from ozwald.planning.situation import Situation
from tests.builders import (
    KEY,
    OTHER_CONTROLLER,
    container,
    definition,
    observation,
    our_container,
    placed,
    realms,
    request,
    situation,
    wanted,
)

KNOWN = realms(definition("llm", profiles={"fast": {}}), definition("web"))
OLD = "f" * 64


def left(name: str = "llm", *, controller: str = OTHER_CONTROLLER, **fields: str) -> ObservedContainer:
    return our_container(name, controller=controller, **fields)


def seen(**containers: list[ObservedContainer]) -> Situation:
    return situation({host: observation(*found, name=host) for host, found in containers.items()})


def found(here: Situation, before: WantedSet | None = None) -> list[Candidate]:
    return judged(candidates(before, here), before, KNOWN, here)


def test_its_labels_tell_what_it_is() -> None:
    [one] = found(seen(box1=[left(profile="fast")]))

    assert one.request == request(profile="fast")
    assert (one.host, one.controller, one.refusal) == ("box1", OTHER_CONTROLLER, "")


def test_what_is_ours_or_nobodys_or_only_looks_like_it_is_no_candidate() -> None:
    experiment = container("experiment", labels=left("web").labels)
    stranger = container(container_name("default", "web"))

    assert found(seen(box1=[our_container(), experiment], box2=[stranger])) == []


def test_it_is_wanted_where_it_is_as_a_new_generation() -> None:
    before = wanted(placed("box2", "web"), generation=4)

    after = with_adopted(before, found(seen(box1=[left(profile="fast")])))

    assert after.generation == 5
    assert after.instances == (placed("box1", profile="fast"), placed("box2", "web"))
    assert after.adopted == (Adopted(host="box1", container_id=left().id, controller=OTHER_CONTROLLER),)


def test_what_is_wanted_already_keeps_its_request() -> None:
    before = wanted(request(profile="fast", host="box*"))

    after = with_adopted(before, found(seen(box1=[left()]), before))

    assert after.instances == (placed("box1", profile="fast", host="box*"),)


def test_what_was_adopted_is_ours_on_that_host_and_on_no_clone_of_it() -> None:
    here = seen(box1=[left()], box2=[left()])
    after = with_adopted(None, [one for one in candidates(None, here) if one.host == "box1"])

    assert [host for host, _, _ in here.as_of(after).ours()] == ["box1"]


def test_it_is_stopped_only_once_it_is_adopted() -> None:
    here = seen(box1=[left()])
    adopted = with_adopted(None, found(here))

    left_alone = make_plan(wanted(), KNOWN, here, key=KEY)
    stopped = make_plan(wanted(), KNOWN, here.as_of(adopted), key=KEY)

    assert left_alone.operations == ()
    assert [operation.action for operation in stopped.operations] == [Action.STOP]


def test_it_is_kept_where_its_mark_is_that_of_the_settings() -> None:
    here = seen(box1=[left()])
    adopted = with_adopted(None, found(here))
    [operation] = make_plan(adopted, KNOWN, here.as_of(adopted), key=KEY).operations
    assert operation.placement is not None
    mark = marks(operation.placement.spec, operation.placement.networks, key=KEY)
    same = left(fingerprint=mark.fingerprint)
    same = replace(same, labels={**same.labels, LABEL_LIMITS: mark.limits})

    [kept] = make_plan(adopted, KNOWN, seen(box1=[same]).as_of(adopted), key=KEY).operations

    assert kept.action is Action.KEEP


def test_it_is_forgotten_when_its_container_is_gone() -> None:
    adopted = with_adopted(None, found(seen(box1=[left()])))
    gone, cut = seen(box1=[]), situation({}, unreachable={"box1": "cut"})
    plan = make_plan(adopted, KNOWN, gone, key=KEY)

    assert placed_as(plan, adopted, gone).adopted == ()
    assert placed_as(plan, adopted, cut).adopted == adopted.adopted


def test_leftovers_of_its_replacement_are_adopted_with_it() -> None:
    old = our_container(controller=OTHER_CONTROLLER, id=OLD, name=leftover_name(left().name, OLD))

    [one] = found(seen(box1=[left(), old]))

    assert sorted(one.container_ids) == sorted([left().id, old.id])


def test_two_of_one_name_are_refused() -> None:
    first, second = found(seen(box1=[left()], box2=[left(controller="beef")]))

    assert first.refusal == "there is another llm on box2 (beef); say which: --limit HOST, --from CONTROLLER"
    assert "there is another llm on box1" in second.refusal


def test_what_is_ours_elsewhere_is_refused() -> None:
    [one] = found(seen(box1=[left()], box2=[our_container()]))

    assert one.refusal == "llm is ours already, on box2; take that away first: ozwald apply --remove llm"


def test_what_is_wanted_on_a_host_that_does_not_answer_is_refused() -> None:
    here = situation({"box1": observation(left())}, unreachable={"box2": "cut"})

    [one] = found(here, wanted(placed("box2")))

    assert "llm is ours already, on box2" in one.refusal


def test_what_the_settings_do_not_know_is_refused_with_its_name() -> None:
    unknown = [left("a", service="gone"), left("b", service="llm", profile="slow"), left("c", realm="r")]

    refusals = [one.refusal for one in found(seen(box1=unknown))]

    assert refusals[0].startswith("no service 'gone' in realm 'default'")
    assert refusals[1].startswith("no profile 'slow' in service 'llm'")
    assert refusals[2].startswith("no realm 'r'")
