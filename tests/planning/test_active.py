"""Which services are active, read from containers and the wanted set."""

import pytest

from ozwald.model.active import ActiveService, Status
from ozwald.model.container import ObservedContainer, ObservedPort
from ozwald.planning.active import active_services
from ozwald.planning.status import status_of
from tests.builders import (
    OTHER_CONTROLLER,
    container,
    host,
    key,
    observation,
    our_container,
    placed,
    request,
    situation,
    wanted,
)


@pytest.mark.parametrize(
    ("state", "text", "status"),
    [
        ("created", "Created", Status.STARTING),
        ("running", "Up 3 minutes", Status.AVAILABLE),
        ("running", "Up 3 minutes (healthy)", Status.AVAILABLE),
        ("running", "Up 3 seconds (health: starting)", Status.STARTING),
        ("running", "Up Less than a second", Status.STARTING),
        ("running", "Up 2 seconds", Status.STARTING),
        ("running", "Up 2 seconds (healthy)", Status.AVAILABLE),
        ("running", "Up 3 seconds", Status.AVAILABLE),
        ("running", "Up 3 minutes (unhealthy)", Status.FAILED),
        ("restarting", "Restarting (1) 2 seconds ago", Status.FAILED),
        ("paused", "Up 3 minutes (Paused)", Status.FAILED),
        ("exited", "Exited (137) 5 minutes ago", Status.FAILED),
        ("dead", "Dead", Status.FAILED),
        ("removing", "Removal In Progress", Status.STOPPING),
    ],
)
def test_a_status_is_read_from_the_engines_list(state: str, text: str, status: Status) -> None:
    assert status_of(container(state=state, status=text)) is status


def active(*containers: ObservedContainer) -> list[ActiveService]:
    return active_services(None, situation({"box1": observation(*containers)}))


def test_a_container_of_ours_is_an_active_service() -> None:
    published = ObservedPort(target=80, protocol="tcp", published=8080)

    [service] = active(
        our_container("chat", service="llm", variety="nvidia", profile="fast", generation="4", ports=[published])
    )

    assert service == ActiveService(
        key=key("chat"),
        service="llm",
        variety="nvidia",
        profile="fast",
        host="box1",
        status=Status.AVAILABLE,
        since=0.0,
        endpoint="box1.lan:8080",
        image="web:1",
        generation=4,
        container_id="id-of-ozsvc--default--chat",
    )


def test_what_is_not_available_says_why() -> None:
    [service] = active(our_container(state="exited"))

    assert (service.status, service.reason) == (Status.FAILED, "Exited (1) 2 minutes ago")


def test_an_exposed_port_that_is_not_published_is_no_endpoint() -> None:
    [service] = active(our_container(ports=[ObservedPort(target=80, protocol="tcp")]))

    assert service.endpoint is None


@pytest.mark.parametrize("generation", ["", "x", "-1", "²", "9" * 5000])
def test_a_generation_that_is_no_number_is_unknown(generation: str) -> None:
    [service] = active(our_container(generation=generation))

    assert service.generation is None


@pytest.mark.parametrize(
    "other",
    [
        container(),
        our_container(controller=OTHER_CONTROLLER),
        our_container(name="ozsvc--default--llm--old-0123456789ab"),
        our_container(name="made-from-docker-commit"),
    ],
)
def test_containers_of_others_are_not_services(other: ObservedContainer) -> None:
    assert active(other) == []


LEFTOVER = our_container(name="ozsvc--default--llm--old-0123456789ab", id="0123456789abcdef")


def test_an_instance_that_is_being_replaced_is_listed_as_what_is_left_of_it() -> None:
    [service] = active_services(wanted("llm"), situation({"box1": observation(LEFTOVER)}))

    assert (service.key, service.status, service.container_id) == (key(), Status.AVAILABLE, LEFTOVER.id)
    assert "it is being replaced" in service.reason


@pytest.mark.parametrize("containers", [(LEFTOVER, our_container()), (our_container(), LEFTOVER)])
def test_an_instance_with_its_predecessor_is_listed_once(containers: tuple[ObservedContainer, ...]) -> None:
    [service] = active(*containers)

    assert service.container_id == our_container().id


def test_a_wanted_instance_without_a_container_waits() -> None:
    [service] = active_services(wanted(request(variety="nvidia")), situation())

    assert (service.key, service.status, service.variety) == (key(), Status.WAITING, "nvidia")
    assert "ozwald apply" in service.reason


def test_a_wanted_instance_on_a_host_that_does_not_answer_is_unreachable() -> None:
    world = situation({}, unreachable={"box2": "timed out"})

    [service] = active_services(wanted(placed("box2")), world)

    assert (service.status, service.host, service.reason) == (Status.UNREACHABLE, "box2", "box2 does not answer")


def test_an_instance_is_listed_once() -> None:
    assert len(active_services(wanted("llm"), situation({"box1": observation(our_container())}))) == 1


def test_services_are_in_the_order_of_realm_name_and_host() -> None:
    world = situation(
        {
            "box2": observation(our_container("a"), our_container("b")),
            "box1": observation(our_container("b"), our_container("a", realm="lab")),
        },
        hosts=[host("box2"), host("box1")],
    )

    listed = [(str(service.key), service.host) for service in active_services(wanted("c"), world)]

    assert listed == [("a", "box2"), ("b", "box1"), ("b", "box2"), ("c", None), ("lab:a", "box1")]
