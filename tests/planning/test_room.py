"""What is free on one host while a plan is being made."""

from dataclasses import replace
from typing import Literal

import pytest

from ozwald.model.host import Reserve
from ozwald.model.resources import Gpu, Hardware, MigDevice
from ozwald.model.service import Port, Requires
from ozwald.planning.room import DoesNotFit, Room, Share, clash
from tests.builders import GIB, gpu, host, key, observation, port, spec

NOTHING = Reserve()


def room(*gpus: Gpu, memory_gib: float | None = 64, reserve: Reserve = NOTHING) -> Room:
    return Room.of(host(reserve=reserve), observation(gpus=gpus, memory_gib=memory_gib))


def vram(gib: float, gpus: int | Literal["all"] | None = None) -> Requires:
    return Requires(vram_bytes=int(gib * GIB), gpus=gpus)


def chosen(free: Room, required: Requires, hardware: Hardware = Hardware.NVIDIA) -> list[int]:
    return [card.index for card in free.choose_gpus(hardware, required, key())]


def test_the_card_with_most_free_vram_is_chosen() -> None:
    assert chosen(room(gpu(0, used_gib=20), gpu(1, used_gib=2), gpu(2, used_gib=10)), Requires()) == [1]


def test_among_equals_the_lowest_index_is_chosen() -> None:
    assert chosen(room(gpu(2), gpu(1), gpu(3)), Requires()) == [1]


def test_several_cards_come_in_the_order_of_their_index() -> None:
    assert chosen(room(gpu(0, used_gib=5), gpu(1, used_gib=20), gpu(2)), Requires(gpus=2)) == [0, 2]


def test_all_cards_of_the_hardware_are_chosen() -> None:
    cards = room(gpu(0), gpu(1, used_gib=20), gpu(0, hardware=Hardware.AMDGPU))

    assert chosen(cards, Requires(gpus="all")) == [0, 1]


def test_cards_of_other_hardware_do_not_count() -> None:
    mixed = room(gpu(0, used_gib=20), gpu(0, hardware=Hardware.AMDGPU))

    assert [card.hardware for card in mixed.choose_gpus(Hardware.AMDGPU, Requires(), key())] == [Hardware.AMDGPU]


def test_a_service_for_the_processor_gets_no_card() -> None:
    assert chosen(room(gpu(0)), Requires(), Hardware.CPU_ONLY) == []


@pytest.mark.parametrize("required", [Requires(gpus=1), Requires(gpus="all"), Requires(vram_bytes=1)])
def test_what_requires_a_card_does_not_fit_the_processor(required: Requires) -> None:
    with pytest.raises(DoesNotFit, match="requires a card"):
        chosen(room(gpu(0)), required, Hardware.CPU_ONLY)


@pytest.mark.parametrize(
    ("cards", "required", "why"),
    [
        ([], Requires(), "no nvidia card, 1 needed"),
        ([], Requires(gpus="all"), "no nvidia card, 1 needed"),
        ([gpu(0)], Requires(gpus=2), "1 nvidia card, 2 needed"),
        ([gpu(0), gpu(1)], Requires(gpus=4), "2 nvidia cards, 4 needed"),
        ([gpu(0, hardware=Hardware.AMDGPU)], Requires(), "no nvidia card, 1 needed"),
        ([gpu(0, used_gib=20)], vram(8), "4.0 GiB of VRAM free on RTX 4090, 8.0 needed"),
        ([gpu(0), gpu(1, used_gib=20)], vram(8, gpus=2), "4.0 GiB of VRAM free on RTX 4090, 8.0 needed"),
    ],
)
def test_too_few_cards_or_too_little_vram_is_told(cards: list[Gpu], required: Requires, why: str) -> None:
    with pytest.raises(DoesNotFit) as misfit:
        room(*cards).choose_gpus(Hardware.NVIDIA, required, key())

    assert str(misfit.value) == why


def test_vram_that_is_exactly_free_is_enough() -> None:
    assert chosen(room(gpu(0, used_gib=16)), vram(8)) == [0]


def test_vram_kept_for_others_is_not_free() -> None:
    keeps = Reserve(vram_bytes=17 * GIB)

    with pytest.raises(DoesNotFit, match=r"7\.0 GiB of VRAM free on RTX 4090, 8\.0 needed"):
        room(gpu(0), reserve=keeps).choose_gpus(Hardware.NVIDIA, vram(8), key())


def test_vram_that_nobody_knows_is_no_reason_to_refuse() -> None:
    assert chosen(room(gpu(0, total_gib=None, used_gib=None)), vram(8)) == [0]


@pytest.mark.parametrize(
    ("free_gib", "reserved_gib", "needed_gib", "fits"),
    [(8, 0, 8, True), (8, 0, 8.5, False), (8, 2, 6, True), (8, 2, 7, False), (None, 2, 500, True), (0, 0, None, True)],
)
def test_memory_counts_less_what_is_kept_for_others(
    free_gib: float | None, reserved_gib: int, needed_gib: float | None, fits: bool
) -> None:
    free = room(memory_gib=free_gib, reserve=Reserve(memory_bytes=reserved_gib * GIB))
    required = Requires(memory_bytes=None if needed_gib is None else int(needed_gib * GIB))

    if fits:
        free.check_memory(required)
    else:
        with pytest.raises(DoesNotFit, match=f"{free_gib - reserved_gib:.1f} GiB of memory free"):  # type: ignore[operator]
            free.check_memory(required)


def test_what_a_new_instance_takes_is_free_no_more() -> None:
    free = room(gpu(0), gpu(1, used_gib=10), memory_gib=64)
    required = Requires(memory_bytes=60 * GIB, vram_bytes=20 * GIB)

    free.take(key("another"), spec(requires=required), free.choose_gpus(Hardware.NVIDIA, required, key()))

    assert chosen(free, Requires()) == [1]
    with pytest.raises(DoesNotFit, match=r"4\.0 GiB of memory free, 60\.0 needed"):
        free.check_memory(required)


def test_what_already_runs_is_not_counted_twice() -> None:
    free = room(gpu(0, used_gib=20), memory_gib=8)
    required = Requires(memory_bytes=8 * GIB, vram_bytes=4 * GIB)
    free.shares[key("another")] = Share(gpus=(gpu(0).id,), requires=required, runs=True)

    free.take(key("another"), spec(requires=required), [gpu(0)])

    free.check_memory(required)
    assert chosen(free, required) == [0]


def test_what_an_instance_needs_is_not_free_although_it_does_not_use_it_yet() -> None:
    free = room(gpu(0, total_gib=16))
    free.shares[key("another")] = Share(gpus=(gpu(0).id,), requires=vram(12), runs=True)

    with pytest.raises(DoesNotFit, match=r"4\.0 GiB of VRAM free on RTX 4090, 12\.0 needed"):
        free.choose_gpus(Hardware.NVIDIA, vram(12), key())


def test_what_goes_makes_room() -> None:
    free = room(gpu(0, used_gib=20), memory_gib=8)
    required = Requires(memory_bytes=40 * GIB, vram_bytes=20 * GIB)
    free.shares[key("another")] = Share(gpus=(gpu(0).id,), requires=required, ports=(port(80, 80),), runs=True)

    free.give_back(key("another"))

    free.check_memory(required)
    free.check_ports([port(80, 80)], key())
    assert chosen(free, required) == [0]


def test_what_does_not_run_makes_no_room() -> None:
    free = room(gpu(0, used_gib=20))
    free.shares[key("another")] = Share(gpus=(gpu(0).id,), requires=vram(20))

    free.give_back(key("another"))

    with pytest.raises(DoesNotFit):
        free.choose_gpus(Hardware.NVIDIA, vram(8), key())


def test_among_cards_as_free_the_one_with_fewer_of_our_instances_is_chosen() -> None:
    free = room(gpu(0), gpu(1, used_gib=0.01))
    free.take(key("another"), spec(), [gpu(0)])

    assert chosen(free, Requires()) == [1]


class TestCardsItHas:
    def held(self, share: Share, required: Requires, hardware: Hardware = Hardware.NVIDIA) -> list[int]:
        free = room(gpu(0), gpu(1, used_gib=23), gpu(0, hardware=Hardware.AMDGPU))
        free.shares[key()] = share
        return [card.index for card in free.cards_of(key(), hardware, required)]

    ONE = (gpu(1).id,)

    def test_it_stays_on_them_however_full_they_are(self) -> None:
        assert self.held(Share(gpus=self.ONE, requires=vram(20), runs=True), vram(20)) == [1]

    @pytest.mark.parametrize(
        ("gpus", "required", "hardware"),
        [
            ((), Requires(), Hardware.NVIDIA),
            (("GPU-gone",), Requires(), Hardware.NVIDIA),
            (ONE, Requires(gpus=2), Hardware.NVIDIA),
            (ONE, Requires(gpus="all"), Hardware.NVIDIA),
            (ONE, Requires(), Hardware.AMDGPU),
            (ONE, vram(1), Hardware.NVIDIA),
        ],
    )
    def test_it_does_not_when_it_needs_others(
        self, gpus: tuple[str, ...], required: Requires, hardware: Hardware
    ) -> None:
        assert self.held(Share(gpus=gpus, runs=True), required, hardware) == []

    def test_when_it_needs_more_its_own_come_first_and_what_it_uses_counts_as_free(self) -> None:
        free = room(gpu(0), gpu(1, used_gib=10))
        free.shares[key()] = Share(gpus=self.ONE, requires=vram(8), runs=True)

        assert chosen(free, vram(20)) == [1]
        assert chosen(free, vram(23)) == [0]


def test_a_port_that_is_taken_is_told_with_its_holder() -> None:
    free = room()
    free.take(key("chat"), spec(ports=(port(80, 8080),)), ())

    with pytest.raises(DoesNotFit, match="port 8080/tcp is taken by chat"):
        free.check_ports([port(90, 8080)], key())


def test_one_free_port_of_a_range_is_enough() -> None:
    free = room()
    free.take(key("chat"), spec(ports=(port(80, 8000), port(81, 8001))), ())

    free.check_ports((Port(target=80, choice=(8000, 8002)),), key("other"))
    with pytest.raises(DoesNotFit, match="the ports 8000-8001/tcp are all taken"):
        free.check_ports((Port(target=80, choice=(8000, 8001)),), key("other"))


def test_a_port_that_the_engine_chooses_is_never_taken() -> None:
    free = room()
    free.take(key("chat"), spec(ports=(port(80),)), ())

    free.check_ports([port(80), port(80, 80)], key())


@pytest.mark.parametrize(
    ("one", "other", "clashes"),
    [
        (port(1, 80), port(2, 80), True),
        (port(1, 80), port(1, 81), False),
        (port(1, 80), port(1, 80, protocol="udp"), False),
        (port(1, None), port(1, None), False),
        (port(1, 80, host_ip="10.0.0.1"), port(1, 80), True),
        (port(1, 80), port(1, 80, host_ip="10.0.0.1"), True),
        (port(1, 80, host_ip="0.0.0.0"), port(1, 80, host_ip="10.0.0.1"), True),
        (port(1, 80, host_ip="10.0.0.1"), port(1, 80, host_ip="::"), True),
        (port(1, 80, host_ip="10.0.0.1"), port(1, 80, host_ip="10.0.0.1"), True),
        (port(1, 80, host_ip="127.0.0.1"), port(1, 80, host_ip="10.0.0.1"), False),
    ],
)
def test_two_published_ports_clash_on_one_address(one: Port, other: Port, clashes: bool) -> None:
    assert clash(one, other) == clashes


def test_a_card_split_into_mig_devices_is_not_given_out_and_they_are() -> None:
    whole = replace(gpu(0, total_gib=80), id="GPU-a", refusal="it is split into MIG devices")
    slices = [replace(gpu(0, total_gib=20), id=f"MIG-{n}", mig=MigDevice(parent_id="GPU-a", index=n)) for n in range(3)]
    split = room(whole, *slices)

    assert [card.id for card in split.choose_gpus(Hardware.NVIDIA, vram(18), key())] == ["MIG-0"]
    assert [card.id for card in split.choose_gpus(Hardware.NVIDIA, vram(18, gpus="all"), key())] == [
        "MIG-0",
        "MIG-1",
        "MIG-2",
    ]
    with pytest.raises(DoesNotFit, match=r"20\.0 GiB of VRAM free"):
        split.choose_gpus(Hardware.NVIDIA, vram(40), key())


def test_instances_spread_over_mig_devices() -> None:
    slices = [replace(gpu(0, total_gib=20), id=f"MIG-{n}", mig=MigDevice(parent_id="GPU-a", index=n)) for n in range(2)]
    split = room(*slices)

    split.take(key("another"), spec(), split.choose_gpus(Hardware.NVIDIA, Requires(), key("another")))

    assert [card.id for card in split.choose_gpus(Hardware.NVIDIA, Requires(), key())] == ["MIG-1"]


def test_why_no_card_counts_is_told() -> None:
    refused = replace(gpu(0), refusal="it is in MIG mode and has no MIG device yet")

    with pytest.raises(DoesNotFit) as misfit:
        room(refused).choose_gpus(Hardware.NVIDIA, Requires(), key())

    assert str(misfit.value) == "no nvidia card, 1 needed (RTX 4090: it is in MIG mode and has no MIG device yet)"


def test_what_the_driver_keeps_for_itself_is_not_free() -> None:
    reserved = replace(gpu(0, total_gib=16), vram_reserved_bytes=GIB)

    assert chosen(room(reserved), vram(15)) == [0]
    with pytest.raises(DoesNotFit, match=r"15\.0 GiB of VRAM free on RTX 4090, 15\.5 needed"):
        room(reserved).choose_gpus(Hardware.NVIDIA, vram(15.5), key())


def test_memory_that_a_card_shares_with_its_machine_is_taken_once() -> None:
    shared = room(replace(gpu(0, total_gib=64, used_gib=4), unified_memory=True), memory_gib=60)
    required = Requires(memory_bytes=10 * GIB, vram_bytes=40 * GIB)

    shared.take(key("another"), spec(requires=required), shared.choose_gpus(Hardware.NVIDIA, required, key()))

    with pytest.raises(DoesNotFit, match=r"10\.0 GiB of VRAM free on RTX 4090, 11\.0 needed"):
        shared.choose_gpus(Hardware.NVIDIA, vram(11), key())
    with pytest.raises(DoesNotFit, match=r"10\.0 GiB of memory free, 11\.0 needed"):
        shared.check_memory(Requires(memory_bytes=11 * GIB))
