"""A port that one instance gives up and another takes over on the same host."""

from collections.abc import Mapping

from ozwald.model.container import ObservedContainer, ObservedPort
from ozwald.model.plan import Operation
from ozwald.planning.planner import make_plan
from tests.builders import KEY, definition, depends_on, key, observation, our_container, port, realms, situation, wanted


def publishing(name: str, published: int) -> ObservedContainer:
    """A container of an instance with settings that have changed since."""
    seen = ObservedPort(target=80, protocol="tcp", published=published)
    return our_container(name, fingerprint="before", ports=[seen])


def planned(
    ports: Mapping[str, int], *there: ObservedContainer, needs: Mapping[str, str] | None = None
) -> dict[str, Operation]:
    """The operations by instance, in order; `ports` are what each is to publish."""
    known = realms(
        *(
            definition(
                name,
                base={
                    "image": "web:1",
                    "ports": (port(80, number),),
                    "depends_on": depends_on(*(needs or {}).get(name, "").split()),
                },
            )
            for name, number in ports.items()
        )
    )
    made = make_plan(wanted(*ports), known, situation({"box1": observation(*there)}), key=KEY)
    return {operation.key.name: operation for operation in made.operations}


def test_who_takes_a_port_over_comes_after_who_gives_it_up() -> None:
    operations = planned({"a": 8080, "z": 9090}, publishing("z", 8080))

    assert list(operations) == ["z", "a"]
    assert (operations["a"].after, operations["a"].needs) == ((key("z"),), ())


def test_others_wait_for_nobody() -> None:
    operations = planned({"a": 7070, "z": 9090}, publishing("z", 8080))

    assert [operation.after for operation in operations.values()] == [(), ()]


def test_two_that_swap_their_ports_go_at_the_same_time() -> None:
    operations = planned({"a": 9090, "z": 8080}, publishing("a", 8080), publishing("z", 9090))

    assert [operation.after for operation in operations.values()] == [(), ()]


def test_a_dependant_that_gives_its_port_up_still_comes_last() -> None:
    operations = planned({"a": 8080, "z": 9090}, publishing("z", 8080), needs={"z": "a"})

    assert list(operations) == ["a", "z"]
