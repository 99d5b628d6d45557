"""How services are told while they are not as they are wanted."""

from dataclasses import replace

import pytest

from ozwald.cli.waiting import all_available
from ozwald.controller.statuses import RUNS_ON, with_work
from ozwald.model.active import ActiveService, Status
from ozwald.model.active_document import active_document
from ozwald.model.plan import Action, InstanceKey, Operation
from tests.builders import key

CHAT = ActiveService(key=key("chat"), service="llm", status=Status.AVAILABLE, host="box1")


def shown(
    *, failures: dict[InstanceKey, str] | None = None, due: dict[InstanceKey, Operation] | None = None
) -> ActiveService:
    [service] = with_work([CHAT], blocked={}, due=due or {}, under_way={}, failures=failures or {})
    return service


def test_after_a_failed_replacement_the_old_one_is_available_but_not_what_is_waited_for() -> None:
    service = shown(failures={key("chat"): "it ended with code 3; tried again in 2 s"})

    assert service.status is Status.AVAILABLE
    assert service.reason.startswith("what is wanted now failed, and the one before still runs: it ended with code 3")
    assert not all_available([active_document(service)], [key("chat")])


def test_an_old_one_that_comes_back_is_told_before_it_is_available_again() -> None:
    back = replace(CHAT, status=Status.STARTING)
    due = {key("chat"): Operation(action=Action.REPLACE, key=key("chat"), host="box1")}

    [service] = with_work([back], blocked={}, due=due, under_way={}, failures={key("chat"): "no image"})
    assert (service.status, service.reason) == (Status.FAILED, f"{RUNS_ON}: no image")
    [other] = with_work([back], blocked={}, due={}, under_way={}, failures={key("chat"): "no image"})
    assert (other.status, other.reason) == (Status.FAILED, "no image")


@pytest.mark.parametrize("action", [Action.REPLACE, Action.RESTART, Action.CREATE, Action.UPDATE])
def test_what_still_has_to_be_changed_is_not_what_is_waited_for(action: Action) -> None:
    service = shown(due={key("chat"): Operation(action=action, key=key("chat"), host="box1", reason="another image")})

    assert (service.status, service.reason) == (Status.AVAILABLE, f"about to {action}: another image")
    assert not all_available([active_document(service)], [key("chat")])


def test_what_is_as_wanted_has_no_reason() -> None:
    assert all_available([active_document(shown())], [key("chat")])
