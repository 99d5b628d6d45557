"""What a situation tells of the containers in it."""

from dataclasses import replace
from typing import Any

from ozwald.model.container import LABEL_GENERATION, LABEL_PROVISIONER, ObservedContainer
from tests.builders import OTHER_CONTROLLER, container, observation, our_container, situation


def made(name: str, generation: str, *, provisioner: str = "local", **fields: Any) -> ObservedContainer:
    ours = our_container(name, generation=generation, **fields)
    return replace(ours, labels={**ours.labels, LABEL_PROVISIONER: provisioner})


def test_the_newest_generation_is_that_of_our_own_containers_of_the_provisioner() -> None:
    strangers = [
        container(labels={LABEL_GENERATION: "99", LABEL_PROVISIONER: "local"}),
        made("c", "10", controller=OTHER_CONTROLLER),
        made("d", "11", provisioner="another"),
        made("e", "x"),
        made("f", "1" * 5000),
    ]
    seen = situation(
        {
            "box1": observation(made("a", "7"), *strangers),
            "box2": observation(made("b", "9")),
        }
    )

    assert seen.newest_generation("local") == 9


def test_without_containers_there_is_no_generation_yet() -> None:
    assert situation({}).newest_generation("local") == 0
