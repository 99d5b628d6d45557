import json
from pathlib import Path

import pytest

from ozwald.model.resources import Hardware
from ozwald.remote.amd import (
    AmdCard,
    Nodes,
    NotAmdOutput,
    cards,
    parse_amd_smi,
    parse_nodes,
    parse_rocm_smi,
    parse_sysfs,
)

RECORDINGS = Path(__file__).parent.parent / "recordings" / "amd"
NO_NODES = Nodes(render={}, groups={})
MIB = 1 << 20


@pytest.mark.parametrize(
    ("recording", "card"),
    [
        (
            "rx6700xt_rocm612.json",
            AmdCard(
                address="0000:07:00.0",
                name="Navi 22 [Radeon RX 6700/6700 XT / 6800M]",
                vram_total_bytes=12868124672,
                vram_used_bytes=1572745216,
                driver_version="6.3.6",
            ),
        ),
        (
            "vega-20-WKS-GL-XE.json",
            AmdCard(
                address="0000:63:00.0",
                name="Radeon Instinct MI50 32GB",
                vram_total_bytes=34342961152,
                vram_used_bytes=10850304,
                driver_version="5.9.17",
            ),
        ),
    ],
)
def test_one_card_is_read(recording: str, card: AmdCard) -> None:
    assert parse_rocm_smi((RECORDINGS / recording).read_bytes()) == [card]


def test_several_cards_are_read_in_order() -> None:
    found = parse_rocm_smi((RECORDINGS / "mi100_rocm602.json").read_bytes())

    assert [card.address for card in found] == ["0000:83:00.0", "0000:a3:00.0", "0000:c3:00.0", "0000:e3:00.0"]
    assert {card.name for card in found} == {"Arcturus GL-XL [Instinct MI100]"}


def test_key_names_of_other_releases_are_found_whatever_their_capitals() -> None:
    entry = {"PCI BUS": "0000:0C:00.0", "Card Series": "0x73bf", "Card model": "Radeon RX 6900 XT"}
    text = json.dumps({"card3": entry | {"vram total memory (B)": 17163091968}}).encode()

    (card,) = parse_rocm_smi(text)
    assert (card.address, card.name, card.vram_total_bytes) == ("0000:0c:00.0", "Radeon RX 6900 XT", 17163091968)


def test_warnings_around_the_json_are_passed_over() -> None:
    text = (
        b"WARNING: AMD GPU device(s) is/are in a low-power state.\n"
        + (RECORDINGS / "rx6700xt_rocm612.json").read_bytes()
    )

    assert len(parse_rocm_smi(text + b"\nbye\n")) == 1


@pytest.mark.parametrize(
    "text", [b"", b"ERROR:root:Driver not initialized (amdgpu not found in modules)", b"[1]", b"{"]
)
def test_other_output_is_refused(text: bytes) -> None:
    with pytest.raises(NotAmdOutput):
        parse_rocm_smi(text)


def test_amd_smi_is_read_as_a_list_and_as_an_object() -> None:
    static = [
        {
            "gpu": 0,
            "asic": {"market_name": "AMD Instinct MI300X"},
            "bus": {"bdf": "0000:1b:00.0"},
            "driver": {"name": "amdgpu", "version": "6.10.5"},
            "vram": {"size": {"value": 196592, "unit": "MB"}},
        }
    ]
    metric = [{"gpu": 0, "mem_usage": {"used_vram": {"value": 283, "unit": "MB"}}}]
    expected = AmdCard(
        address="0000:1b:00.0",
        name="AMD Instinct MI300X",
        vram_total_bytes=196592 * MIB,
        vram_used_bytes=283 * MIB,
        driver_version="6.10.5",
    )

    assert parse_amd_smi(json.dumps(static).encode(), json.dumps(metric).encode()) == [expected]
    wrapped = json.dumps({"gpu_data": static}).encode(), json.dumps({"gpu_data": metric}).encode()
    assert parse_amd_smi(*wrapped) == [expected]


def test_the_kernel_alone_is_enough() -> None:
    seen = parse_sysfs(
        "card 0000:07:00.0\nmem_info_vram_total 1000\nmem_info_vram_used 10\nrender /dev/dri/renderD129\n"
    )
    nodes = parse_nodes("group /dev/kfd 109\ngroup /dev/dri/renderD129 109\n")

    (gpu,) = cards([], seen, nodes)
    assert (gpu.hardware, gpu.id, gpu.index) == (Hardware.AMDGPU, "amd-0000:07:00.0", 0)
    assert (gpu.vram_total_bytes, gpu.vram_used_bytes) == (1000, 10)
    assert (gpu.render_node, gpu.group_ids) == ("/dev/dri/renderD129", (109,))


def test_tool_and_kernel_are_joined_by_address() -> None:
    told = [AmdCard(address="0000:0a:00.0", name="B"), AmdCard(address="0000:07:00.0", name="A")]
    seen = parse_sysfs("card 0000:07:00.0\nmem_info_vram_total 1\ncard 0000:0a:00.0\nmem_info_vram_total 2")
    nodes = parse_nodes("path 0000:07:00.0 /dev/dri/renderD128\npath 0000:0a:00.0 /dev/dri/renderD129")

    found = cards(told, seen, nodes)
    assert [(gpu.index, gpu.name, gpu.vram_total_bytes, gpu.render_node) for gpu in found] == [
        (0, "B", 2, "/dev/dri/renderD129"),
        (1, "A", 1, "/dev/dri/renderD128"),
    ]


def test_a_path_that_is_no_render_node_is_not_handed_on() -> None:
    assert parse_nodes("path 0000:07:00.0 /etc/shadow\n").render == {}
    assert cards(parse_sysfs("card 0000:07:00.0\nrender /dev/sda\n"), [], NO_NODES)[0].render_node is None
