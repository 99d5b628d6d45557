"""What the loop has begun is in hand until it has ended, however it ends."""

from queue import SimpleQueue

import pytest

from ozwald.controller.work import Work
from ozwald.errors import StateError
from ozwald.execution.steps import Result
from ozwald.model.plan import Action, Operation
from tests.builders import key

CREATE = Operation(action=Action.CREATE, key=key("web"), host="box1")


@pytest.mark.parametrize(
    ("mistake", "said"), [(StateError("the disk is full"), "the disk is full"), (KeyError("x"), "this is a mistake")]
)
def test_an_operation_that_fails_unforeseen_is_not_in_hand_for_ever(mistake: Exception, said: str) -> None:
    ended: SimpleQueue[Result] = SimpleQueue()
    work = Work(ended.put)

    def carry_out(_operation: Operation) -> Result:
        raise mistake

    work.begin_one(CREATE, carry_out)

    assert said in ended.get(timeout=10).error
    assert not work.under_way
    assert not work.hosts
