import json
from typing import Any

import pytest

from ozwald.model.resources import Hardware
from ozwald.remote.amd import (
    AmdCard,
    Nodes,
    NotAmdOutput,
    cards,
    parse_amd_smi,
    parse_computing,
    parse_nodes,
    parse_rocm_smi,
    parse_sysfs,
)
from tests.remote.recorded import recorded

NO_NODES = Nodes(render={}, groups={})
MIB = 1 << 20
KERNEL = """\
card 0000:03:00.0 0x030000 0x1002 0x744c amdgpu
mem_info_vram_total 25753026560
mem_info_vram_used 1048576
mem_info_gtt_total 33554432000
mem_info_gtt_used 2097152
gpu_busy_percent 3
power1_average 17000000
power1_cap 291000000
temp1_input 41000
umc_err_count ue: 2
render /dev/dri/renderD128
card 0000:05:00.0 0x030000 0x1a03 0x2000 ast
"""
APU = """\
card 0000:c5:00.0 0x030000 0x1002 0x1586 amdgpu
mem_info_vram_total 536870912
mem_info_vram_used 104857600
mem_info_gtt_total 67108864000
mem_info_gtt_used 20971520
power1_input 9000000
in1_label vddnb
render /dev/dri/renderD128
"""


def document(*cards: dict[str, Any], wrapped: bool = False) -> bytes:
    return json.dumps({"gpu_data": cards} if wrapped else cards).encode()


def test_key_names_of_other_releases_are_found_whatever_their_capitals() -> None:
    entry = {"PCI BUS": "0000:0C:00.0", "Card Series": "0x73bf", "Card model": "Radeon RX 6900 XT"}
    more = {"vram total memory (B)": 17163091968, "Current Socket Graphics Package Power (W)": "31.0"}
    sensors = {"Temperature (Sensor edge) (C)": "N/A", "Temperature (Sensor junction) (C)": "38.0"}
    text = json.dumps({"card3": entry | more | sensors}).encode()

    assert parse_rocm_smi(text) == [
        AmdCard(
            address="0000:0c:00.0",
            name="Radeon RX 6900 XT",
            vram_total_bytes=17163091968,
            power_w=31,
            temperature_c=38,
        )
    ]


@pytest.mark.parametrize("before", [b"WARNING: AMD GPU device(s) is/are in a low-power state.\n", b"[W] x\n{bad\n"])
def test_warnings_around_the_json_are_passed_over(before: bytes) -> None:
    assert len(parse_rocm_smi(before + recorded("amd/rx6700xt_rocm612.json") + b"\nbye\n")) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"ERROR:root:Driver not initialized (amdgpu not found in modules)",
        b"[1]",
        b"{",
        b"[" * 200_000,
        b"\xff\x00",
    ],
)
def test_other_output_is_refused(text: bytes) -> None:
    with pytest.raises(NotAmdOutput):
        parse_rocm_smi(text)


# What amd-smi prints, in three of its forms: ROCm 6.0, 6.2 and 7.
OLD = (
    {
        "gpu": 0,
        "asic": {"market_name": "AMD Instinct MI300X"},
        "bus": {"bdf": "0000:1B:00.0"},
        "driver": {"driver_name": "amdgpu", "driver_version": "6.10.5"},
        "vram": {"vram_type": "HBM", "vram_size_mb": 196592},
    },
    {
        "gpu": 0,
        "usage": {"gfx_usage": 12, "mem_usage": "N/A"},
        "power": {"current_power": 141, "power_limit": 750},
        "temperature": {"edge": "N/A", "hotspot": 38, "mem": 30},
        "ecc": {"total_uncorrectable": 0},
        "mem_usage": {"total_vram": 196592, "used_vram": 283},
    },
)
NEWER = (
    {
        "gpu": 0,
        "asic": {"market_name": "AMD Instinct MI300X", "target_graphics_version": "gfx942"},
        "bus": {"bdf": "0000:1b:00.0"},
        "limit": {"max_power": {"value": 800, "unit": "W"}, "socket_power": {"value": 750, "unit": "W"}},
        "driver": {"name": "amdgpu", "version": "6.10.5"},
        "vram": {"type": "HBM", "size": {"value": 196592, "unit": "MB"}},
    },
    {
        "gpu": 0,
        "usage": {"gfx_activity": {"value": 12, "unit": "%"}},
        "power": {"socket_power": {"value": 141, "unit": "W"}},
        "temperature": {"edge": "N/A", "hotspot": {"value": 38, "unit": "C"}},
        "ecc": {"total_uncorrectable_count": 0},
        "mem_usage": {"total_vram": {"value": 196592, "unit": "MB"}, "used_vram": {"value": 283, "unit": "MB"}},
    },
)
NEWEST = (
    NEWER[0] | {"limit": {"ppt0": {"socket_power_limit": {"value": 750, "unit": "W"}}, "ppt1": "N/A"}},
    NEWER[1],
)


@pytest.mark.parametrize(
    ("static", "metric", "wrapped", "architecture"),
    [(*OLD, False, None), (*NEWER, False, "gfx942"), (*NEWER, True, "gfx942"), (*NEWEST, True, "gfx942")],
)
def test_every_form_of_amd_smi_says_the_same(
    static: dict[str, Any], metric: dict[str, Any], wrapped: bool, architecture: str | None
) -> None:
    (found,) = parse_amd_smi(document(static, wrapped=wrapped), document(metric, wrapped=wrapped))

    assert found == AmdCard(
        address="0000:1b:00.0",
        name="AMD Instinct MI300X",
        architecture=architecture,
        vram_total_bytes=196592 * MIB,
        vram_used_bytes=283 * MIB,
        driver_version="6.10.5",
        power_w=141,
        power_limit_w=750,
        temperature_c=38,
        utilization_percent=12,
        ecc_uncorrected_errors=0,
        is_apu=False,
    )


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {}, [None], {"gpu_data": 5}, {"gpu_data": [{"bus": []}]}])
def test_wrong_types_are_no_cards(nonsense: Any) -> None:
    text = json.dumps(nonsense).encode()

    try:
        assert parse_amd_smi(text, text) == []
    except NotAmdOutput:
        assert not isinstance(nonsense, list | dict)


def test_metrics_that_are_missing_leave_the_size_of_the_memory() -> None:
    (found,) = parse_amd_smi(document(NEWER[0]), b"")

    assert (found.vram_total_bytes, found.vram_used_bytes) == (196592 * MIB, None)


def test_the_kernel_alone_is_enough() -> None:
    nodes = parse_nodes(["group /dev/kfd 109", "group /dev/dri/renderD128 105"])

    (gpu,) = cards([], parse_sysfs(KERNEL.splitlines()), nodes)

    assert (gpu.hardware, gpu.id, gpu.index) == (Hardware.AMDGPU, "amd-0000:03:00.0", 0)
    assert (gpu.vram_total_bytes, gpu.vram_used_bytes) == (25753026560, 1048576)
    assert (gpu.power_w, gpu.power_limit_w, gpu.temperature_c, gpu.utilization_percent) == (17, 291, 41, 3)
    assert gpu.ecc_uncorrected_errors == 2
    assert (gpu.render_node, gpu.group_ids) == ("/dev/dri/renderD128", (109, 105))
    assert (gpu.refusal, gpu.unified_memory) == (None, False)


def test_the_list_of_pci_ids_names_what_nobody_else_names() -> None:
    seen = parse_sysfs(KERNEL.splitlines())

    assert cards([], seen, NO_NODES)[0].name == "AMD card"
    assert cards([], seen, NO_NODES, names={"0000:03:00.0": "Navi 31"})[0].name == "Navi 31"


def test_an_apu_has_its_own_part_of_the_memory_and_what_it_may_take() -> None:
    (gpu,) = cards([], parse_sysfs(APU.splitlines()), NO_NODES)

    assert gpu.unified_memory
    assert (gpu.vram_total_bytes, gpu.vram_used_bytes) == (536870912 + 67108864000, 104857600 + 20971520)
    assert gpu.power_w == 9


def test_tool_and_kernel_are_joined_by_address() -> None:
    told = [AmdCard(address="0000:0a:00.0", name="B"), AmdCard(address="0000:07:00.0", name="A")]
    seen = [AmdCard(address=f"0000:{bus}:00.0", vram_total_bytes=size) for bus, size in (("07", 1), ("0a", 2))]
    nodes = parse_nodes(
        [
            "paths /dev/dri/by-path/pci-0000:07:00.0-render /dev/dri/by-path/pci-0000:0a:00.0-render",
            "nodes /dev/dri/renderD128 /dev/dri/renderD129",
        ]
    )

    found = cards(told, seen, nodes)
    assert [(gpu.index, gpu.name, gpu.vram_total_bytes, gpu.render_node) for gpu in found] == [
        (0, "B", 2, "/dev/dri/renderD129"),
        (1, "A", 1, "/dev/dri/renderD128"),
    ]


def test_a_card_is_one_card_however_often_it_is_told() -> None:
    assert len(cards([AmdCard(address="0000:07:00.0")] * 3, [], NO_NODES)) == 1


def test_a_path_that_is_no_render_node_is_not_handed_on() -> None:
    lines = ["paths /dev/dri/by-path/pci-0000:07:00.0-render", "nodes /etc/shadow"]
    seen = parse_sysfs(KERNEL.replace("/dev/dri/renderD128", "/dev/sda").splitlines())

    assert parse_nodes(lines).render == {}
    assert cards([], seen, NO_NODES)[0].render_node is None


def test_a_card_without_a_way_in_is_listed_and_not_given_out() -> None:
    seen = parse_sysfs(KERNEL.splitlines())
    without_kfd = Nodes(render={}, groups={"/dev/dri/renderD128": 105})

    assert cards([AmdCard(address="0000:07:00.0")], [], NO_NODES)[0].refusal is not None
    assert "/dev/kfd" in (cards([], seen, without_kfd)[0].refusal or "")


def test_who_computes_on_which_card_is_known_by_the_kernels_numbers() -> None:
    computing = parse_computing(
        [
            *("node 11111 0 768", "node 22222 1 33536", "node 0 x y"),
            *("holds 4242 11111 2353860608", "holds 4242 22222 0", "holds 7 22222 5", "holds x 11111 5", "more 3"),
        ]
    )

    held = {place: [(one.pid, one.vram_bytes) for one in holders] for place, holders in computing.holders.items()}
    assert held == {"0000:03:00.0": [(4242, 2353860608)], "0001:83:00.0": [(7, 5)]}
    (gpu,) = cards([], parse_sysfs(KERNEL.splitlines()), NO_NODES, computing)
    assert [holder.pid for holder in gpu.holders] == [4242]
    assert gpu.missing["holders"] == "3 more processes compute on this host"


@pytest.mark.parametrize("line", ["", "card", "card x", "mem_info_vram_total", "node", "holds 1 2", "group /dev/kfd x"])
def test_lines_that_break_off_are_passed_over(line: str) -> None:
    assert parse_sysfs([line]) == []
    assert parse_computing([line]).holders == {}
    assert parse_nodes([line]) == NO_NODES
