"""One machine under two names is noticed, and two machines that look alike are not taken for one."""

from dataclasses import replace

import pytest

from ozwald.errors import RequestError
from ozwald.model.container import ObservedContainer
from ozwald.model.observation import Observation
from ozwald.planning.machines import check_machines
from ozwald.planning.planner import make_plan
from tests.builders import KEY, container, definition, gpu, observation, our_container, realms, situation, wanted


def machine(*containers: ObservedContainer, boot: str | None = None, memory_total: int = 64) -> Observation:
    seen = observation(*containers, gpus=[gpu()])
    return replace(seen, resources=replace(seen.resources, boot_id=boot, memory_total_bytes=memory_total))


ONE, TWO = container("one"), container("two")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (machine(ONE), machine(ONE)),
        (machine(ONE, boot="b"), machine(ONE, boot="b")),
        (machine(ONE, boot="b"), machine(ONE)),
        (machine(ONE), machine(ONE, TWO)),
        (machine(boot="b"), machine(boot="b")),
    ],
)
def test_one_machine_is_known_by_its_containers_or_its_boot(here: Observation, there: Observation) -> None:
    with pytest.raises(RequestError, match="box1 and box2 are the same machine; remove one of them"):
        check_machines({"box2": there, "box1": here, "box3": machine(boot="another")})


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (machine(), machine()),
        (machine(ONE), machine(TWO)),
        (machine(ONE, boot="b"), machine(ONE, boot="c")),
        (machine(ONE, boot="b"), machine(TWO, boot="b")),
        (machine(ONE, boot="b"), machine(boot="b")),
        (machine(boot="b"), machine(boot="c")),
        (machine(boot="b"), machine(boot="b", memory_total=32)),
    ],
)
def test_two_machines_may_look_alike(here: Observation, there: Observation) -> None:
    check_machines({"box1": here, "box2": there})


def test_no_plan_is_made_for_one_machine_under_two_names() -> None:
    seen = situation({"box1": machine(), "box2": machine()})
    twice = replace(seen, observations=dict.fromkeys(("box1", "box2"), machine(our_container())))

    with pytest.raises(RequestError, match="--limit 'all:!box2'"):
        make_plan(wanted("llm"), realms(definition("llm")), twice, key=KEY)
