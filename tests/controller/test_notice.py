"""What befell services between two moments is told from what the loop itself has done."""

import math

from ozwald.controller.notice import News, news
from ozwald.controller.observer import Look
from ozwald.controller.watch import Snapshot
from ozwald.model.container import ObservedContainer
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey
from tests.builders import observation, our_container, situation

LLM = InstanceKey(realm="default", name="llm")


def told(before: Observation, after: Observation, *, worked_on_at: float = -math.inf) -> News:
    """The news between a look at 10 and one at 20."""
    first, then = (
        Snapshot(at=at, looks={"box1": Look(observation=seen, begun_at=at, problem="")}, silent={})
        for at, seen in ((10.0, before), (20.0, after))
    )
    return news(first, then, situation({"box1": after}), worked_on_at=lambda key: worked_on_at)


def llm(state: str, status: str) -> ObservedContainer:
    return our_container("llm", state=state, status=status)


RUNS = observation(llm("running", "Up 5 minutes"))
ENDED = observation(llm("exited", "Exited (7) 2 seconds ago"))


def test_an_end_that_nobody_asked_for_is_told_with_its_exit_code() -> None:
    assert told(RUNS, ENDED) == News(ended={LLM: "exit code 7"})


def test_one_that_runs_again_does_not_say_how_it_ended() -> None:
    assert told(RUNS, observation(llm("running", "Up 1 second"))).ended == {LLM: ""}


def test_what_the_loop_did_meanwhile_is_no_news() -> None:
    assert told(RUNS, ENDED, worked_on_at=15.0) == News()
    assert told(RUNS, ENDED, worked_on_at=math.inf) == News()
