"""Several instances of one plan: nothing is given twice, and each keeps what it has."""

from collections.abc import Mapping

from ozwald.model.observation import Observation
from ozwald.model.realm import ServiceDefinition
from ozwald.model.wanted import WantedSet
from ozwald.planning.placement import place
from tests.builders import (
    definition,
    gpu,
    observation,
    our_container,
    port,
    realms,
    request,
    situation,
    wanted,
)
from tests.planning.placing import BOX, NVIDIA_BOX, gib, needing, place_one, why_not


class TestSeveralInOnePlan:
    SERVICES = realms(
        definition("big", varieties={"nvidia": {"requires": gib(vram=16)}}),
        definition("small", varieties={"nvidia": {"requires": gib(vram=8)}}),
        definition("heavy", base={"image": "heavy:1", "requires": gib(memory=40)}),
        definition("web", base={"image": "web:1", "ports": (port(80, 8080),)}),
    )

    def hosts(self, want: WantedSet, seen: Mapping[str, Observation]) -> dict[str, str]:
        found = place(want, self.SERVICES, situation(seen))
        return {at.name: placement.host for at, placement in found.placed.items()}

    def cards(self, want: WantedSet, seen: Mapping[str, Observation]) -> dict[str, list[int]]:
        found = place(want, self.SERVICES, situation(seen))
        return {at.name: [card.index for card in placement.gpus] for at, placement in found.placed.items()}

    def test_two_share_a_card_that_has_room_for_both(self) -> None:
        assert self.cards(wanted("big", "small"), {"box1": NVIDIA_BOX}) == {"big": [0], "small": [0]}

    def test_the_second_gets_the_card_that_is_freer_after_the_first(self) -> None:
        world = {"box1": observation(gpus=[gpu(0), gpu(1)])}

        assert self.cards(wanted("big", "small"), world) == {"big": [0], "small": [1]}

    def test_a_card_is_not_filled_twice(self) -> None:
        want = wanted(request("big-1", service="big"), request("big-2", service="big"))

        assert self.hosts(want, {"box1": NVIDIA_BOX, "box2": NVIDIA_BOX}) == {"big-1": "box1", "big-2": "box2"}

    def test_memory_is_not_given_twice(self) -> None:
        want = wanted(request("one", service="heavy"), request("two", service="heavy"))

        assert self.hosts(want, {"box1": BOX, "box2": BOX}) == {"one": "box1", "two": "box2"}

    def test_a_port_is_not_given_twice(self) -> None:
        want = wanted(request("one", service="web"), request("two", service="web"))

        assert self.hosts(want, {"box1": BOX, "box2": BOX}) == {"one": "box1", "two": "box2"}

    def test_what_runs_keeps_its_port_against_a_newcomer_that_comes_first_by_name(self) -> None:
        want = wanted(request("a-new", service="web"), request("old", service="web"))
        world = {"box1": observation(our_container("old", service="web")), "box2": BOX}

        assert self.hosts(want, world) == {"a-new": "box2", "old": "box1"}

    def test_the_order_of_the_request_does_not_matter(self) -> None:
        one, two = request("one", service="heavy"), request("two", service="heavy")
        world = {"box1": BOX, "box2": BOX}

        assert self.hosts(wanted(two, one), world) == self.hosts(wanted(one, two), world)


class TestCards:
    TWO = (gpu(0).id, gpu(1).id)

    def cards(self, want: WantedSet, seen: Observation, *services: ServiceDefinition) -> dict[str, list[int]]:
        found = place(want, realms(*services), situation({"box1": seen}))
        return {at.name: [card.index for card in placement.gpus] for at, placement in found.placed.items()}

    def test_two_that_are_replaced_keep_each_its_own(self) -> None:
        full = [gpu(0, used_gib=20), gpu(1, used_gib=20)]
        here = [our_container(name, variety="nvidia", gpus=self.TWO[index]) for index, name in enumerate("ab")]
        services = [needing(gib(vram=20), variety="nvidia", name=name) for name in "ab"]

        assert self.cards(wanted("a", "b"), observation(*here, gpus=full), *services) == {"a": [0], "b": [1]}

    def test_two_new_ones_spread_over_two_idle_cards(self) -> None:
        services = [needing(gib(), variety="nvidia", name=name) for name in "ab"]
        seen = observation(gpus=[gpu(0, used_gib=0.01), gpu(1)])

        assert sorted(self.cards(wanted("a", "b"), seen, *services).values()) == [[0], [1]]

    def test_what_is_refused_once_is_refused_again(self) -> None:
        services = [needing(gib(vram=12), variety="nvidia", name=name) for name in "ab"]
        idle = our_container("a", variety="nvidia", gpus=gpu().id)

        found = self.cards(wanted("a", "b"), observation(idle, gpus=[gpu(total_gib=16)]), *services)

        assert found == {"a": [0]}

    def test_a_swap_of_models_on_one_card_fits(self) -> None:
        services = [needing(gib(vram=20, memory=40), variety="nvidia", name=name) for name in "ab"]
        old = our_container("a", variety="nvidia", gpus=gpu().id)

        found = self.cards(wanted("b"), observation(old, gpus=[gpu(used_gib=21)], memory_gib=20), *services)

        assert found == {"b": [0]}

    def test_what_moves_away_makes_room_for_a_newcomer(self) -> None:
        services = realms(*(needing(gib(vram=20), variety="nvidia", name=name) for name in "ab"))
        old = our_container("b", variety="nvidia", gpus=gpu().id)
        world = situation({"box1": observation(old, gpus=[gpu(used_gib=20)]), "box2": NVIDIA_BOX})

        found = place(wanted(request("a", host="box1"), request("b", host="box2")), services, world)

        assert {at.name: placement.host for at, placement in found.placed.items()} == {"a": "box1", "b": "box2"}

    def test_what_goes_from_the_processor_to_a_card_has_to_fit_on_it(self) -> None:
        service = definition("llm", varieties={"nvidia": {"requires": gib(vram=20)}, "cpu-only": {}})
        seen = observation(our_container(variety="cpu-only"), gpus=[gpu(used_gib=10)])

        assert "14.0 GiB of VRAM free" in why_not(place_one(service, {"box1": seen}, wanted(request(variety="nvidia"))))
