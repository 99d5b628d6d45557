"""Which host, variety and cards an instance gets."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from ozwald.errors import RequestError
from ozwald.model.container import ObservedPort
from ozwald.model.data import Content
from ozwald.model.host import Connection, Reserve
from ozwald.model.observation import Observation
from ozwald.model.plan import Action, Placement
from ozwald.model.resources import Hardware
from ozwald.model.service import Attachment, Mount, Network, Realm, Requires, ServiceDefinition
from ozwald.model.wanted import WantedSet
from ozwald.planning.placement import Placements, place
from ozwald.planning.planner import make_plan
from ozwald.planning.situation import Situation
from tests.builders import (
    GIB,
    KEY,
    container,
    definition,
    gpu,
    host,
    key,
    observation,
    our_container,
    placed,
    port,
    realms,
    request,
    situation,
    wanted,
)

EVERYWHERE = definition("llm", varieties={"cpu-only": {}, "amdgpu": {}, "nvidia": {}})
ON_CARDS = definition("llm", varieties={"nvidia": {}})
AMD = gpu(hardware=Hardware.AMDGPU)

NVIDIA_BOX = observation(gpus=[gpu()])
AMD_BOX = observation(gpus=[AMD])
BOX = observation()


def needing(required: Requires, *, variety: str = "cpu-only", name: str = "llm") -> ServiceDefinition:
    return definition(name, varieties={variety: {"requires": required}})


def gib(memory: int | None = None, vram: int | None = None, gpus: int | None = None) -> Requires:
    return Requires(
        memory_bytes=None if memory is None else memory * GIB,
        vram_bytes=None if vram is None else vram * GIB,
        gpus=gpus,
    )


def place_one(
    service: ServiceDefinition, world: Situation | Mapping[str, Observation], want: WantedSet | None = None
) -> Placements:
    seen = world if isinstance(world, Situation) else situation(world)
    return place(want or wanted("llm"), realms(service), seen)


def the_one(placements: Placements) -> Placement:
    assert not placements.unplaced
    return placements.placed[key()]


def why_not(placements: Placements) -> str:
    assert not placements.placed
    return placements.unplaced[0].reason


@pytest.mark.parametrize(
    ("found", "variety"),
    [
        (observation(gpus=[gpu(), AMD]), "nvidia"),
        (AMD_BOX, "amdgpu"),
        (BOX, "cpu-only"),
    ],
)
def test_the_best_variety_for_the_hosts_hardware_is_chosen(found: Observation, variety: str) -> None:
    placement = the_one(place_one(EVERYWHERE, {"box1": found}))

    assert placement.spec.variety == variety


def test_a_variety_that_does_not_fit_gives_way_to_the_next() -> None:
    service = definition("llm", varieties={"nvidia": {"requires": gib(vram=40)}, "cpu-only": {}})

    assert the_one(place_one(service, {"box1": NVIDIA_BOX})).spec.variety == "cpu-only"


def test_a_variety_that_was_asked_for_is_not_replaced_by_another() -> None:
    placements = place_one(EVERYWHERE, {"box1": BOX}, wanted(request(variety="nvidia")))

    assert why_not(placements) == "no host can carry it: box1: no nvidia card, 1 needed"


def test_a_host_with_better_hardware_wins_over_one_that_comes_earlier() -> None:
    found = the_one(place_one(EVERYWHERE, {"box1": BOX, "radeon1": AMD_BOX, "rtx1": NVIDIA_BOX}))

    assert (found.host, found.spec.variety) == ("rtx1", "nvidia")


def test_it_goes_back_to_where_it_was_although_better_hardware_is_elsewhere() -> None:
    found = the_one(place_one(EVERYWHERE, {"box1": BOX, "rtx1": NVIDIA_BOX}, wanted(placed("box1"))))

    assert (found.host, found.spec.variety) == ("box1", "cpu-only")


def test_the_first_host_by_name_is_chosen_whatever_the_order_of_the_inventory() -> None:
    assert the_one(place_one(definition(), {"box3": BOX, "box1": BOX, "box2": BOX})).host == "box1"


def test_the_first_host_that_has_the_hardware_is_chosen() -> None:
    world = {"box1": BOX, "box2": AMD_BOX, "box3": NVIDIA_BOX, "box4": NVIDIA_BOX}

    assert the_one(place_one(ON_CARDS, world)).host == "box3"


def test_where_it_already_runs_wins_over_a_host_that_comes_earlier() -> None:
    world = {"box1": NVIDIA_BOX, "box2": observation(our_container(variety="cpu-only"))}

    assert the_one(place_one(EVERYWHERE, world)).host == "box2"


def test_a_variety_that_runs_stays_although_a_better_one_would_fit() -> None:
    world = {"box1": observation(our_container(variety="cpu-only"), gpus=[gpu()])}

    assert the_one(place_one(EVERYWHERE, world)).spec.variety == "cpu-only"


def test_a_variety_that_is_asked_for_replaces_the_one_that_runs() -> None:
    world = {"box1": observation(our_container(variety="cpu-only"), gpus=[gpu()])}

    assert the_one(place_one(EVERYWHERE, world, wanted(request(variety="nvidia")))).spec.variety == "nvidia"


def test_what_runs_stays_where_it_takes_all_there_is() -> None:
    world = {
        "box1": NVIDIA_BOX,
        "box2": observation(our_container(variety="nvidia", gpus=gpu().id), gpus=[gpu(used_gib=23)]),
    }

    assert the_one(place_one(needing(gib(vram=20), variety="nvidia"), world)).host == "box2"


def test_what_runs_is_moved_when_its_cards_are_gone() -> None:
    world = {"box1": observation(our_container(variety="nvidia")), "box2": NVIDIA_BOX}

    assert the_one(place_one(ON_CARDS, world)).host == "box2"


def test_a_pin_moves_what_runs_elsewhere() -> None:
    world = {"box1": observation(our_container()), "box2": BOX}

    assert the_one(place_one(definition(), world, wanted(request(host="box2")))).host == "box2"


def test_a_pin_may_be_a_pattern() -> None:
    world = situation({"box1": BOX, "box2": BOX, "box3": BOX}, groups={"rack": ["box1", "box2"]})

    assert the_one(place_one(definition(), world, wanted(request(host="rack:!box1")))).host == "box2"


def test_a_pin_to_an_unknown_host_is_an_error() -> None:
    with pytest.raises(RequestError, match="did you mean 'box1'"):
        place_one(definition(), {"box1": BOX}, wanted(request(host="bx1")))


@pytest.mark.parametrize(
    ("service", "found", "why"),
    [
        (needing(gib(memory=128)), BOX, "64.0 GiB of memory free, 128.0 needed"),
        (ON_CARDS, BOX, "no nvidia card, 1 needed"),
        (needing(gib(gpus=2), variety="nvidia"), NVIDIA_BOX, "1 nvidia card, 2 needed"),
        (needing(gib(vram=32), variety="nvidia"), NVIDIA_BOX, "24.0 GiB of VRAM free on RTX 4090, 32.0 needed"),
        (
            definition(base={"image": "llm:1", "ports": (port(80, 8080),)}),
            observation(container("nginx", ports=[ObservedPort(target=80, protocol="tcp", published=8080)])),
            "port 8080/tcp is taken by container nginx",
        ),
        (
            definition(varieties={"nvidia": {}, "amdgpu": {}}),
            BOX,
            "no nvidia card, 1 needed, no amdgpu card, 1 needed",
        ),
    ],
)
def test_what_a_host_lacks_is_told(service: ServiceDefinition, found: Observation, why: str) -> None:
    placements = place_one(service, {"box1": found})

    assert why_not(placements) == f"no host can carry it: box1: {why}"


def test_every_host_is_told_with_its_own_reason() -> None:
    world = situation(
        {"box2": BOX, "box1": AMD_BOX, "box3": observation(gpus=[gpu(used_gib=20)])},
        unreachable={"box4": "timed out"},
    )

    placements = place_one(needing(gib(vram=8), variety="nvidia"), world)

    assert why_not(placements) == (
        "no host can carry it: box1: no nvidia card, 1 needed; box2: no nvidia card, 1 needed; "
        "box3: 4.0 GiB of VRAM free on RTX 4090, 8.0 needed; box4: unreachable"
    )


def test_it_fits_nowhere_only_when_every_host_was_asked() -> None:
    everyone = place_one(ON_CARDS, {"box1": BOX})
    not_everyone = place_one(ON_CARDS, situation({"box1": BOX}, unreachable={"box2": "timed out"}))

    assert everyone.unplaced[0].fits_nowhere
    assert not not_everyone.unplaced[0].fits_nowhere


def test_what_the_inventory_keeps_for_others_is_not_given_away() -> None:
    frugal = host("box1", reserve=Reserve(memory_bytes=60 * GIB))
    world = situation({"box1": BOX, "box2": BOX}, hosts=[frugal])

    assert the_one(place_one(needing(gib(memory=8)), world)).host == "box2"


def test_a_missing_image_is_a_reason_and_no_other_host_is_tried() -> None:
    placements = place_one(definition(base={}), {"box1": BOX, "box2": BOX})

    assert "has no image" in why_not(placements)
    assert not placements.unplaced[0].fits_nowhere


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


class TestHostsThatDoNotAnswer:
    def test_an_instance_that_was_dropped_while_it_was_there_is_held_when_asked_for_again(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        placements = place_one(definition(), world, wanted("llm", leaving={"llm": "box2"}))

        assert "placed on box2, which is unreachable" in why_not(placements)

    def test_of_two_homes_the_one_it_was_placed_on_wins(self) -> None:
        world = {"box1": observation(our_container(id="1")), "box2": observation(our_container(id="2"))}

        assert the_one(place_one(definition(), world, wanted(placed("box2")))).host == "box2"

    def test_an_instance_placed_there_is_held_and_gets_no_twin(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        placements = place_one(definition(), world, wanted(placed("box2")))

        assert "placed on box2, which is unreachable" in why_not(placements)
        assert not placements.unplaced[0].fits_nowhere

    def test_an_instance_pinned_to_another_host_is_moved(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        assert the_one(place_one(definition(), world, wanted(placed("box2", host="box1")))).host == "box1"

    def test_an_instance_placed_elsewhere_is_not_concerned(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        assert the_one(place_one(definition(), world, wanted(placed("box1")))).host == "box1"

    def test_an_instance_placed_on_a_host_that_left_the_inventory_is_placed_again(self) -> None:
        assert the_one(place_one(definition(), {"box1": BOX}, wanted(placed("gone")))).host == "box1"


class TestLimit:
    WORLD = situation({"box1": BOX, "box2": BOX}, limit=["box1"])

    def test_an_instance_outside_is_skipped(self) -> None:
        placements = place_one(definition(), self.WORLD, wanted(placed("box2")))

        assert placements.skipped == {key()}
        assert not placements.placed

    def test_an_instance_pinned_outside_is_skipped(self) -> None:
        assert place_one(definition(), self.WORLD, wanted(request(host="box2"))).skipped == {key()}

    def test_an_instance_outside_is_skipped_even_when_it_is_pinned_inside(self) -> None:
        assert place_one(definition(), self.WORLD, wanted(placed("box2", host="box1"))).skipped == {key()}

    def test_a_new_instance_is_placed_inside(self) -> None:
        assert the_one(place_one(definition(), self.WORLD)).host == "box1"

    def test_an_instance_that_is_seen_inside_is_placed_there(self) -> None:
        world = situation({"box1": observation(our_container()), "box2": BOX}, limit=["box1"])

        assert the_one(place_one(definition(), world, wanted(placed("box2")))).host == "box1"


@pytest.mark.parametrize(
    ("want", "told"),
    [
        (request("llm", realm="lab"), "no realm 'lab'"),
        (request("llm", service="lmm"), "no service 'lmm'"),
        (request("llm", variety="nvidia-2"), "no variety 'nvidia-2'"),
        (request("llm", profile="fast"), "no profile 'fast'"),
    ],
)
def test_a_request_for_what_is_not_defined_any_more_is_an_error(want: object, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        place_one(EVERYWHERE, {"box1": BOX}, wanted(want))  # type: ignore[arg-type]


def test_a_placement_carries_the_networks_that_its_spec_attaches_to() -> None:
    back = Network(key="back", internal=True)
    service = definition(
        base={"image": "llm:1", "networks": (Attachment(network="default"), Attachment(network="back"))}
    )
    known: dict[str, Realm] = realms(service, networks=[back])

    placement = the_one(place(wanted("llm"), known, situation()))

    assert placement.networks == (Network(key="default"), back)


def test_the_controllers_own_data_is_brought_to_other_machines_and_read_once() -> None:
    mounts = tuple(
        Mount(type="bind", source="/cfg/data", target=target, read_only=True, on_controller=True)
        for target in ("/a", "/b")
    )
    service = definition("llm", base={"image": "i", "volumes": mounts})
    read: list[str] = []

    def content_of(source: str) -> Content:
        read.append(source)
        return Content(digest="d" * 64, size_bytes=1)

    away = replace(situation({"gpu1": BOX}), content_of=cache(content_of))
    placement = the_one(place_one(service, away))
    assert [one.volume for one in placement.deliveries] == ["ozdata--default--dddddddddddddddd"] * 2
    assert read == ["/cfg/data"]
    here = situation({"gpu1": BOX}, hosts=[host("gpu1", connection=Connection.LOCAL)])
    assert the_one(place_one(service, here)).deliveries == ()


def outside(name: str | None = None) -> dict[str, Realm]:
    lan = Network(key="lan", external=True, name=name)
    return realms(definition(base={"image": "llm:1", "networks": (Attachment(network="lan"),)}), networks=[lan])


def test_an_external_network_has_to_be_on_the_host() -> None:
    seen = {
        "box1": replace(observation(), networks=frozenset({"bridge"})),
        "box2": replace(observation(), networks=frozenset({"bridge", "office"})),
    }

    placements = place(wanted("llm"), outside("office"), situation(seen))

    assert placements.placed[key()].host == "box2"


def test_where_no_host_has_an_external_network_nothing_is_stopped_or_started() -> None:
    running = replace(observation(our_container(fingerprint="another")), networks=frozenset({"bridge"}))

    [operation] = make_plan(wanted("llm"), outside(), situation({"box1": running}), key=KEY).operations

    assert operation.action is Action.BLOCKED
    assert "box1: there is no network lan, which is declared external: create it there" in operation.reason
