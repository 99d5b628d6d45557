"""What the controller does and sees becomes events."""

from dataclasses import replace

import pytest

from ozwald.controller.board import Board, View
from ozwald.controller.journal import Journal
from ozwald.controller.reporter import Reporter
from ozwald.execution.steps import Result
from ozwald.model.active import ActiveService, Status
from ozwald.model.history import Author
from ozwald.model.plan import Action, Operation
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.events import EventQuery
from tests.builders import key, request

CHAT = ActiveService(key=key("chat"), service="llm", status=Status.AVAILABLE, host="box1", generation=1)
FIRST = View(number=1, services=(CHAT,), hosts={"box1": "", "box2": ""})


@pytest.fixture
def journal() -> Journal:
    return Journal()


def told(journal: Journal) -> list[str]:
    return [
        " ".join(filter(None, (event.kind.value, event.host, event.text))) for event in journal.choose(EventQuery())
    ]


def test_the_first_look_tells_only_what_is_not_well(journal: Journal) -> None:
    board = Board(Reporter(journal).seen)
    waiting = replace(CHAT, key=key("late"), status=Status.WAITING, host=None, reason="no room")

    board.publish(replace(FIRST, services=(CHAT, waiting), hosts={"box1": "", "box2": "no route"}))

    assert told(journal) == ["host-unreachable box2 no route", "service-status waiting: no room"]


def test_every_change_of_status_and_reach_is_told_once(journal: Journal) -> None:
    board = Board(Reporter(journal).seen)
    gone = replace(CHAT, status=Status.UNREACHABLE, reason="box1 does not answer")

    board.publish(FIRST)
    board.publish(replace(FIRST, number=2, services=(gone,), hosts={"box1": "timeout", "box2": ""}))
    board.publish(replace(FIRST, number=3, services=(gone,), hosts={"box1": "refused", "box2": ""}))
    board.publish(replace(FIRST, number=4))
    board.publish(replace(FIRST, number=5, services=()))

    assert told(journal) == [
        "host-unreachable box1 timeout",
        "service-status box1 available -> unreachable: box1 does not answer",
        "host-reachable box1",
        "service-status box1 unreachable -> available",
        "service-status box1 available -> gone",
    ]


def test_a_service_that_finds_its_host_is_not_a_new_one(journal: Journal) -> None:
    board = Board(Reporter(journal).seen)

    board.publish(replace(FIRST, services=(replace(CHAT, host=None, status=Status.WAITING),)))
    board.publish(replace(FIRST, number=2, services=(replace(CHAT, status=Status.STARTING),)))

    assert told(journal) == ["service-status waiting", "service-status box1 waiting -> starting"]


def test_a_request_tells_who_asked_and_what_changes(journal: Journal) -> None:
    before = WantedSet(generation=1, instances=(WantedInstance(request=request("a")),))
    wanted = WantedSet(generation=2, instances=(WantedInstance(request=request("b")),))

    Reporter(journal).accepted(wanted, before, Author(owner="ann", command="ozwald apply b"))

    [event] = journal.choose(EventQuery())
    assert (event.text, event.generation, event.author) == ("removed a, added b", 2, "ann: ozwald apply b")


def test_redis_is_told_when_it_goes_and_when_it_is_back(journal: Journal) -> None:
    reporter = Reporter(journal)

    for problem in ("", "", "refused", "timeout", "", ""):
        reporter.redis(problem)

    assert told(journal) == ["redis-lost refused", "redis-back"]


@pytest.mark.parametrize(("error", "kind"), [("", "operation-finished"), ("no space", "operation-failed")])
def test_an_operation_tells_how_it_begins_and_ends(journal: Journal, error: str, kind: str) -> None:
    operation = Operation(action=Action.CREATE, key=key("chat"), host="box1", reason="it is new")

    Reporter(journal).reporting(lambda one: Result(operation=one, error=error))(operation)

    begun, ended = journal.choose(EventQuery())
    assert (begun.kind, begun.text, begun.host, begun.key) == (
        "operation-begun",
        "create: it is new",
        "box1",
        key("chat"),
    )
    assert (ended.kind, ended.text) == (kind, f"create: {error}" if error else "create")
