"""Hosts and cards fit any terminal, and say what people trip over."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ozwald.cli.bars import ASCII
from ozwald.cli.resource_table import resource_lines
from ozwald.cli.resource_words import card_name, engine, fraction, notes, processor, share, system
from ozwald.model.resources import (
    ContainerToolkit,
    DockerFacts,
    Gpu,
    Hardware,
    Holder,
    HostResources,
    MigDevice,
    OtherCard,
)

GIB = 1 << 30
DOCKER = DockerFacts(version="28.5.1")
BOX = HostResources(
    host="box1",
    observed_at=1000.0,
    os="Debian GNU/Linux 12 (bookworm)",
    cpu_model="AMD EPYC 7302P 16-Core Processor",
    cpu_count=32,
    memory_total_bytes=128 * GIB,
    memory_available_bytes=32 * GIB,
    disk_total_bytes=500 * GIB,
    disk_free_bytes=250 * GIB,
    docker=DOCKER,
)
OURS = Holder(pid=1, vram_bytes=5 * GIB, realm="default", instance="chat", service="llama")
T4 = Gpu(
    hardware=Hardware.NVIDIA,
    index=0,
    id="GPU-1",
    name="Tesla T4",
    vram_total_bytes=16 * GIB,
    vram_used_bytes=8 * GIB,
    power_w=26.8,
    power_limit_w=70,
    temperature_c=40,
    utilization_percent=65,
    holders=(
        Holder(
            pid=1,
            vram_bytes=5 * GIB,
            container_id="c" * 64,
            container="x",
            realm="default",
            instance="chat",
            service="llama",
        ),
        Holder(pid=2, vram_bytes=2 * GIB, container_id="d" * 64, container="jellyfin"),
        Holder(pid=3, vram_bytes=GIB, user="ann", command="python"),
        Holder(pid=4, missing={"user": "gone"}),
    ),
)
GPU = replace(BOX, host="gpu1", gpus=(T4,), container_toolkit=ContainerToolkit(tools=("nvidia-ctk",)))


def shown(*found: HostResources, width: int | None = 100, now: float = 1000.0, **options: Any) -> list[str]:
    return [line.plain for line in resource_lines(found, width=width, now=now, **options)]


def text(*found: HostResources, width: int | None = 100, now: float = 1000.0) -> str:
    return "\n".join(shown(*found, width=width, now=now))


def test_a_host_is_one_line_under_its_headings() -> None:
    headings, line = shown(BOX)

    assert headings.split() == ["HOST", "SYSTEM", "CPUS", "MEMORY", "USED", "DISK", "USED", "ENGINE"]
    assert "box1  Debian 12  32" in line
    assert "████████████░░░░ 96.0/128 GiB" in line
    assert "████████░░░░░░░░ 250/500 GiB" in line
    assert line.endswith("Docker 28.5.1")


def test_a_card_is_followed_by_those_who_hold_it() -> None:
    _, _, card, *holders = shown(GPU)

    assert card.split() == [
        "0",
        "Tesla",
        "T4",
        "█" * 8 + "░" * 8,
        "8.0/16.0",
        "GiB",
        "40",
        "°C",
        "27/70",
        "W",
        "65",
        "%",
    ]
    assert [line.strip() for line in holders] == [
        "5.00 GiB  chat (llama)",
        "2.00 GiB  container jellyfin",
        "1.00 GiB  ann: python",
        "?  process 4",
    ]


def test_a_cards_memory_stands_under_the_hosts() -> None:
    headings, host, card, *_ = shown(GPU)

    assert headings.index("MEMORY") == host.index("96.0") == card.index("8.0/")


def test_holders_beyond_the_first_are_counted() -> None:
    many = replace(T4, holders=tuple(Holder(pid=n, vram_bytes=1) for n in range(20)), more_holders=100)

    assert shown(replace(GPU, gpus=(many,)))[-1].strip() == "and 112 more"


def test_an_instance_of_another_realm_says_which() -> None:
    held = replace(T4.holders[0], realm="lab", service="chat")

    assert "lab:chat\n" in text(replace(GPU, gpus=(replace(T4, holders=(held,)),))) + "\n"


def test_mig_devices_stand_below_their_card() -> None:
    whole = replace(T4, name="NVIDIA A100", refusal="it is split into MIG devices", holders=())
    part = replace(T4, id="MIG-1", mig=MigDevice(parent_id="GPU-1", index=3, profile="1g.10gb"), holders=())

    lines = shown(replace(GPU, gpus=(whole, part)))
    assert lines[2].startswith("  0 A100")
    assert lines[3].startswith("    0:3 MIG 1g.10gb")
    assert not any("split" in line for line in lines)


@pytest.mark.parametrize("width", [20, 40, 60, 71, 72, 80, 100, 120, 200])
@pytest.mark.parametrize("name", ["b", "a-rather-long-name-of-a-machine-with-63-characters-as-allowed-01", "名前名前"])
def test_no_line_is_longer_than_the_terminal(width: int, name: str) -> None:
    hostile = replace(GPU, host=name, os="x" * 300, missing={"gpus": "nvidia-smi: " + "y" * 200})
    hosts = [hostile, replace(GPU, gpus=(replace(T4, name="z" * 256, refusal="w" * 90),))]

    for line in resource_lines(hosts, width=width, now=1000.0):
        assert line.cell_len <= width, line.plain


def test_columns_that_a_long_name_leaves_no_room_for_become_lines() -> None:
    found = shown(replace(GPU, host="n" * 40), width=80)

    assert found[0].startswith("n" * 40)
    assert found[2].split()[0] == "memory"


@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_everything_of_every_host_is_there_at_every_width(width: int | None) -> None:
    found = text(GPU, replace(BOX, host="box2"), width=width)

    for said in ("gpu1", "box2", "96.0/128 GiB", "8.0/16.0 GiB", "Docker 28.5.1", "chat (llama)", "40 °C"):
        assert said in found


def test_without_a_terminal_there_are_no_bars_and_nothing_is_cut() -> None:
    found = text(replace(GPU, os="x" * 200), width=None)

    assert "█" not in found
    assert "x" * 200 in found


def test_bars_are_plain_where_a_stream_knows_no_blocks() -> None:
    assert "############----" in "\n".join(shown(BOX, glyphs=ASCII))


@pytest.mark.parametrize(("used", "style"), [(0.1, "green"), (0.79, "green"), (0.85, "yellow"), (0.99, "red")])
def test_a_bar_that_fills_up_changes_its_colour(used: float, style: str) -> None:
    full = replace(BOX, memory_available_bytes=int((1 - used) * 128 * GIB), disk_free_bytes=500 * GIB)

    *_, line = resource_lines([full], width=100, now=1000.0)
    assert style in {str(span.style) for span in line.spans}


def test_two_hundred_hosts_are_quick_and_summed_up() -> None:
    found = [replace(GPU, host=f"gpu{number:03}") for number in range(200)]

    began = time.process_time()
    lines = shown(*found)
    assert time.process_time() - began < 2
    assert lines[-1] == "200 hosts, 200 cards, 1.56 TiB of VRAM free"
    assert len(lines) == 2 + 200 * 6


def test_no_hosts_are_said_to_be_none() -> None:
    assert shown() == ["no hosts"]


def test_text_from_hosts_is_harmless() -> None:
    evil = replace(GPU, os="\x1b[31mred", gpus=(replace(T4, name="\x9b31m", holders=(Holder(pid=1, user="\x07"),)),))

    assert not any(char in text(evil) for char in "\x1b\x9b\x07")


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"docker": None, "missing": {"docker": "no Docker Engine at X: install docker.io"}}, "install docker.io"),
        (
            {
                "docker": None,
                "missing": {"docker": "no Docker Engine at X"},
                "engine_sockets": ("/run/user/1000/docker.sock",),
            },
            "there is /run/user/1000/docker.sock: set docker_socket",
        ),
        ({"missing": {"gpus": "there is an NVIDIA card but no nvidia-smi: install the driver"}}, "install the driver"),
        ({"memory_total_bytes": None, "missing": {"memory_total_bytes": "boo"}}, "memory: boo"),
        ({"missing": {"containers": "it hung up"}}, "who holds the cards: it hung up"),
        ({"container_toolkit": None, "gpus": (T4,)}, "install nvidia-container-toolkit"),
        ({"gpus": (replace(T4, refusal="no UUID"), replace(T4, index=1, refusal="no UUID"))}, "cards 0, 1: not given"),
        ({"gpus": (replace(T4, vram_total_bytes=None, missing={"vram_total_bytes": "it says N/A"}),)}, "it says N/A"),
        ({"gpus": (replace(T4, ecc_uncorrected_errors=3),)}, "card 0: 3 memory errors"),
        ({"observed_at": 700.0}, "these facts are 5 min old"),
        (
            {"docker": replace(DOCKER, warnings=("WARNING: API is accessible on http://0.0.0.0",))},
            "engine: WARNING: API",
        ),
    ],
)
def test_what_people_trip_over_is_said(changed: dict[str, Any], note: str) -> None:
    box = replace(GPU, gpus=(), **changed) if "gpus" not in changed else replace(GPU, **changed)

    assert note in text(box, width=None)


@pytest.mark.parametrize(
    "docker",
    [replace(DOCKER, runtimes=("nvidia", "runc")), replace(DOCKER, cdi_devices=("nvidia.com/gpu=0",)), None],
)
def test_an_engine_that_can_give_out_cards_needs_no_advice(docker: DockerFacts | None) -> None:
    assert list(notes(replace(GPU, container_toolkit=None, docker=docker), now=1000.0)) == []


def test_a_host_about_which_all_is_well_has_no_notes() -> None:
    assert list(notes(GPU, now=1000.0)) == []


def test_cards_that_nobody_computes_on_are_not_mentioned() -> None:
    def other(vendor: str, name: str) -> OtherCard:
        return OtherCard(pci_address="0000:00:02.0", vendor_id=vendor, device_id="1", name=name, driver="i915")

    found = text(replace(BOX, other_cards=(other("8086", "Intel Arc A770"), other("1a03", "ASPEED card 2000"))))
    assert "- Intel Arc A770 (i915): given to nobody" in found
    assert "ASPEED" not in found


@pytest.mark.parametrize(
    ("used", "total", "said"),
    [
        (0, 16 * GIB, "0.0/16.0 GiB"),
        (12 * GIB, 126 * GIB, "12.0/126 GiB"),
        (1500 * GIB, 3600 * GIB, "1.5/3.5 TiB"),
        (None, 16 * GIB, "?/16.0 GiB"),
        (5, None, "5 B/?"),
        (None, None, "?"),
        (0, 0, "0.0/0.0 B"),
    ],
)
def test_shares_are_in_the_unit_of_the_whole(used: int | None, total: int | None, said: str) -> None:
    assert share(used, total) == said


def test_shares_without_a_whole_are_no_part_of_it() -> None:
    assert (fraction(5, 0), fraction(None, 5), fraction(5, None), fraction(9, 5)) == (None, None, None, 1.0)


def short(names: Sequence[str]) -> list[str]:
    return [card_name(replace(T4, name=name)) for name in names]


def test_names_are_what_people_call_things() -> None:
    assert system(BOX) == "Debian 12"
    assert system(replace(BOX, os="Ubuntu 24.04.1 LTS")) == "Ubuntu 24.04.1 LTS"
    assert processor(BOX) == "EPYC 7302P"
    assert processor(replace(BOX, cpu_model="Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz")) == "Xeon E5-2680 v4"
    assert engine(DockerFacts(version="20.10.24+dfsg1")) == "Docker 20.10.24"
    assert engine(DockerFacts(version="5.4.2", product="Podman Engine")) == "Podman 5.4.2"
    names = ["NVIDIA GeForce RTX 3090", "Navi 31 [Radeon RX 7900 XTX]", "AMD card", "AMD Instinct MI300X", "Tesla T4"]
    assert short(names) == ["GeForce RTX 3090", "Radeon RX 7900 XTX", "AMD card", "Instinct MI300X", "Tesla T4"]
