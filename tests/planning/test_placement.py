"""Which host, variety and cards an instance gets."""

from dataclasses import replace
from functools import cache

import pytest

from ozwald.errors import RequestError
from ozwald.model.container import ObservedPort
from ozwald.model.data import Content
from ozwald.model.host import Connection, Reserve
from ozwald.model.observation import Observation
from ozwald.model.plan import Action
from ozwald.model.realm import Network, Realm, ServiceDefinition
from ozwald.model.service import Attachment, Mount
from ozwald.planning.placement import place
from ozwald.planning.planner import make_plan
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
from tests.planning.placing import AMD, AMD_BOX, BOX, NVIDIA_BOX, gib, needing, place_one, the_one, why_not

EVERYWHERE = definition("llm", varieties={"cpu-only": {}, "amdgpu": {}, "nvidia": {}})
ON_CARDS = definition("llm", varieties={"nvidia": {}})


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
