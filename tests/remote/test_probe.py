"""The probe's output as a whole becomes facts, or reasons."""

import random
import re
import time
from dataclasses import fields

import pytest

from ozwald.model.resources import Hardware, HostResources
from ozwald.remote.holders import with_containers
from ozwald.remote.probe import parse_probe
from tests.builders import container as observed
from tests.remote.probed import MARK, RX, SECTIONS, T4, printed
from tests.remote.recorded import recorded

GIB = 1 << 30
CONTAINER = "c0ffee" + "0" * 58


def parsed(sections: dict[str, str] | None = None, **statuses: int | None) -> HostResources:
    return parse_probe("box1", printed({**SECTIONS, **(sections or {})}, **statuses), 12.5)


def test_a_host_without_cards_is_read_completely() -> None:
    found = parsed()

    assert (found.host, found.observed_at) == ("box1", 12.5)
    assert found.os == "Debian GNU/Linux 12 (bookworm)"
    assert (found.kernel, found.architecture) == ("6.1.0-18-amd64", "x86_64")
    assert found.boot_id == "b845361a-36f5-43b6-93e0-ef2f5051e781"
    assert (found.cpu_model, found.cpu_count) == ("AMD EPYC 7302P 16-Core Processor", 16)
    assert (found.cpu_cores, found.cpu_sockets, found.load_1m) == (8, 1, 1.25)
    assert found.memory_total_bytes == 131813412 * 1024
    assert found.memory_available_bytes == 120013412 * 1024
    assert (found.swap_total_bytes, found.swap_free_bytes) == (8388604 * 1024, 8000000 * 1024)
    assert (found.disk_total_bytes, found.disk_free_bytes) == (479079112 * 1024, 251325372 * 1024)
    assert (found.cgroup_version, found.engine_sockets) == (2, ("/var/run/docker.sock",))
    assert found.gpus == ()
    assert found.missing == {}


def test_who_listens_is_told_with_address_and_user() -> None:
    found = parsed().listeners or ()

    assert [(one.port, one.protocol, one.address, one.user) for one in found] == [
        (22, "tcp", "0.0.0.0", "root"),
        (22, "tcp", "::", "root"),
        (53, "udp", "127.0.0.53", "systemd-resolve"),
        (8080, "tcp", "127.0.0.1", "ann"),
        (8081, "tcp", "127.0.0.1", "33"),
    ]


def test_processes_that_share_a_port_are_one_listener() -> None:
    assert len(parsed({"listeners": "tcp 00000000:1F90 33\n" * 64}).listeners or ()) == 1


@pytest.mark.parametrize(
    ("status", "why"), [(1, "/proc/net/tcp cannot be read"), (None, "the probe did not get that far")]
)
def test_a_host_that_hides_its_sockets_says_so(status: int | None, why: str) -> None:
    found = parsed({"listeners": ""}, listeners=status)

    assert (found.listeners, found.missing["listeners"]) == (None, why)


def test_sockets_beyond_the_limit_are_told_of() -> None:
    found = parsed({"listeners": "tcp 00000000:1F90 33\nmore tcp"})

    assert len(found.listeners or ()) == 1
    assert found.missing["listeners"] == "there are more than are read"


def test_the_container_toolkit_is_found_with_its_specifications() -> None:
    toolkit = parsed().container_toolkit

    assert toolkit is not None
    assert (toolkit.version, toolkit.cdi_specs) == ("1.17.8", ("/etc/cdi/nvidia.yaml",))
    assert toolkit.tools == ("nvidia-ctk", "nvidia-container-runtime-hook")


def test_a_host_without_the_toolkit_says_so() -> None:
    found = parsed({"toolkit": "", "toolkit_version": ""})

    assert found.container_toolkit is None
    assert found.missing["container_toolkit"].startswith("there is no nvidia-ctk")


def test_cards_of_both_makers_are_read_and_have_different_ids() -> None:
    found = parsed({"nvidia-smi": T4, "rocm-smi": RX})

    assert [gpu.hardware for gpu in found.gpus] == [Hardware.NVIDIA, Hardware.AMDGPU]
    assert len({gpu.id for gpu in found.gpus}) == 2


def test_what_start_up_files_print_changes_nothing() -> None:
    noise = b"Welcome!\n0123456789abcdef os\nPRETTY_NAME=Fake\n0123456789abcdef . 0\n"

    assert parse_probe("box1", noise + printed(), 0.0).os == "Debian GNU/Linux 12 (bookworm)"


def test_a_tool_cannot_add_sections_of_its_own() -> None:
    forged = T4.replace("Tesla T4", "Tesla T4\nfedcba9876543210 memory\nMemTotal: 1 kB\nfedcba9876543210 . 0\n")

    assert parsed({"nvidia-smi": forged}).memory_total_bytes == 131813412 * 1024


def test_a_tool_that_hangs_costs_only_its_own_facts() -> None:
    found = parsed({"nvidia-smi": "", "rocm-smi": RX}, nvidia_smi=124)

    assert [gpu.hardware for gpu in found.gpus] == [Hardware.AMDGPU]
    assert found.missing == {"gpus": "nvidia-smi: it took too long"}


def test_what_each_broken_tool_says_is_a_reason() -> None:
    said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    found = parsed({"nvidia-smi": said, "rocm-smi": "boo"}, nvidia_smi=9)

    assert found.missing == {"gpus": f"nvidia-smi: {said}; rocm-smi: boo"}


def test_a_tool_that_was_cut_leaves_what_it_said_before() -> None:
    found = parsed({"nvidia-smi": T4[: T4.index("<pid>5762")]}, nvidia_smi=None)

    assert [gpu.name for gpu in found.gpus] == ["Tesla T4"]
    assert found.missing == {"gpus": "nvidia-smi: it printed more than is read"}


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("0x10de 0x2204 nouveau", "there is an NVIDIA card but no nvidia-smi: install the driver"),
        ("0x1002 0x744c -", "there is an AMD card that the amdgpu driver does not serve"),
    ],
)
def test_a_card_without_its_driver_is_pointed_out_and_listed(card: str, why: str) -> None:
    found = parsed({"cards": f"card 0000:01:00.0 0x030000 {card}"})

    assert (found.gpus, found.missing) == ((), {"gpus": why})
    assert [other.pci_address for other in found.other_cards] == ["0000:01:00.0"]


def test_other_cards_have_the_names_of_the_pci_list_else_of_their_makers() -> None:
    cards = "card 0000:00:02.0 0x030000 0x8086 0x56a0 i915\ncard 0000:03:00.0 0x030000 0x1a03 0x2000 ast"
    name = '0000:00:02.0 "VGA compatible controller" "Intel Corporation" "DG2 [Arc A770]" -r08 "Intel" "Device 1020"'
    found = parsed({"cards": cards + "\ncard 0000:04:00.0 0x120000 0xbeef 0x0001 -", "names": name})

    assert [(card.name, card.driver) for card in found.other_cards] == [
        ("Intel Corporation DG2 [Arc A770]", "i915"),
        ("ASPEED card 2000", "ast"),
        ("card beef:0001", None),
    ]
    assert found.gpus == ()


def test_a_card_that_a_tool_told_of_is_no_other_card() -> None:
    address = "0000:00:1e.0"

    assert parsed({"nvidia-smi": T4, "cards": f"card {address} 0x030200 0x10de 0x1eb8 nvidia"}).other_cards == ()


def test_a_card_without_memory_of_its_own_has_the_machines() -> None:
    text = T4.replace("Tesla T4", "NVIDIA GB10")
    text = re.sub(r"<(total|used|reserved|free)>\d+ MiB<", r"<\1>N/A<", text)

    (gpu,) = parsed({"nvidia-smi": text}).gpus
    assert gpu.unified_memory
    assert (gpu.vram_total_bytes, gpu.vram_free_bytes) == (131813412 * 1024, 120013412 * 1024)
    assert "vram_total_bytes" not in gpu.missing


def test_an_apu_cannot_have_more_than_is_free_on_the_machine() -> None:
    lines = "card 0000:c5:00.0 0x030000 0x1002 0x1586 amdgpu\nin1_label vddnb\nmem_info_vram_total 536870912\n"
    lines += "mem_info_vram_used 0\nmem_info_gtt_total 67108864000\nmem_info_gtt_used 0\nrender /dev/dri/renderD128"
    memory = "MemTotal: 131813412 kB\nMemAvailable: 1048576 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB"

    (gpu,) = parsed({"cards": lines, "memory": memory}).gpus
    assert (gpu.vram_total_bytes, gpu.vram_free_bytes) == (536870912 + 67108864000, GIB)


def test_who_holds_a_card_is_named_from_process_to_instance() -> None:
    lines = f"process 5762 llama-server\nuid 1000\ngroup 0::/system.slice/docker-{CONTAINER}.scope\nuser ann:1000"
    labels = {"ozwald.realm": "default", "ozwald.instance": "chat", "ozwald.service": "llama"}
    container = observed("ozsvc--default--chat", id=CONTAINER, labels=labels)

    gpus = with_containers(parsed({"nvidia-smi": T4, "holders": lines}).gpus, [container])

    first, second = gpus[0].holders
    assert (first.pid, first.command, first.user) == (5762, "llama-server", "ann")
    assert (first.container, first.instance, first.service) == ("ozsvc--default--chat", "chat", "llama")
    assert (second.pid, second.command, second.user, second.container) == (675, "Xorg", None, None)
    assert second.missing["user"].startswith("the process has ended")


def test_output_that_breaks_off_leaves_reasons() -> None:
    whole = printed()
    found = parse_probe("box1", whole[: whole.index(b"MemAvailable")], 0.0)

    assert found.memory_total_bytes == 131813412 * 1024
    assert found.memory_available_bytes is None
    assert {"memory_available_bytes", "disk_total_bytes", "disk_free_bytes"} <= found.missing.keys()


def test_no_output_at_all_is_a_host_of_which_nothing_is_known() -> None:
    found = parse_probe("box1", b"\xff\x00 nonsense", 0.0)

    assert found.kernel is None
    assert found.gpus == ()
    assert nameless(found) == set()


def test_every_fact_that_is_none_has_its_reason() -> None:
    for gone in SECTIONS:
        left = {name: text for name, text in SECTIONS.items() if name != gone}
        assert nameless(parse_probe("box1", printed(left), 0.0)) == set(), gone


def nameless(found: HostResources) -> set[str]:
    silent = {field.name for field in fields(found) if getattr(found, field.name) is None}
    return silent - found.missing.keys() - {"docker"}


def test_a_device_name_with_blanks_does_not_confuse_the_disk() -> None:
    lines = "Filesystem 1024-blocks Used Available Capacity Mounted on\nmy nas 5:/x 1000 400 600 40% /data x"
    found = parsed({"disk": lines})

    assert (found.disk_total_bytes, found.disk_free_bytes) == (1000 * 1024, 600 * 1024)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("online 0", 1),
        ("online 0-3,8,10-11", 7),
        ("online 9-3", None),
        ("online 0-999999", None),
        ("online x", None),
        ("count 12", 12),
        ("count -3", None),
        ("", None),
    ],
)
def test_processors_are_counted_from_the_kernels_list_or_not_at_all(lines: str, count: int | None) -> None:
    found = parsed({"processors": lines})

    assert found.cpu_count == count
    assert ("cpu_count" in found.missing) is (count is None)


def test_cores_are_not_guessed_where_the_kernel_does_not_say() -> None:
    assert parsed({"topology": "cat: No such file"}).cpu_cores is None
    assert parsed({"topology": "0\n1\n-1\n-1"}).cpu_cores == 2
    assert parsed({"topology": "0\n1\n-1\n-1"}).cpu_sockets is None


def test_nothing_that_a_host_prints_reaches_a_terminal_as_a_command() -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    text = re.sub(r"(?<=[A-Za-z]{3})(?=[A-Za-z])", evil, "\n".join(SECTIONS.values()))
    sections = dict(zip(SECTIONS, text.split("\n"), strict=False)) | {"nvidia-smi": T4.replace("Tesla", "Te\u202esla")}

    found = parse_probe("box1", printed(sections), 0.0)
    assert re.search(r"\\x1b|\\x9b|\\u202e|\\x07", repr(found)) is None


def test_damaged_output_is_never_a_crash() -> None:
    """Bytes of a whole answer are turned, dropped and doubled; a fixed seed, so that a failure can be had again."""
    cut = re.sub(r"(?s)<supported_clocks>.*?</supported_clocks>", "", T4)
    lines = f"process 5762 llama\nuid 1000\ngroup 0::/docker/{CONTAINER}\nuser ann:1000"
    mig = recorded("nvidia/a100-sxm4-v12.xml").decode()[:6000]
    whole = printed({**SECTIONS, "nvidia-smi": cut, "nvidia-mig": mig, "rocm-smi": RX, "holders": lines})
    chance = random.Random(4)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.choice([0, 1, 9])] = chance.choice(
                [b"", b"\n", b"\x00", b"-9", b"9" * 30, b"<a>", b"</gpu>", b'"', b"{", b"[", MARK.encode(), b"\xff"]
            )
        parse_probe("box1", bytes(damaged), 0.0)


@pytest.mark.parametrize(
    "piece",
    [
        "<gpu><uuid>GPU-1</uuid></gpu>",
        "<process_info><pid>1</pid></process_info>",
        "card 0000:01:00.0 0x030000 0x1002 0x744c -\n",
        "process 1 x\nuid 5\ngroup 0::/docker/" + CONTAINER + "\n",
        f"\n{MARK} os\n",
        f"\n{MARK} . 0\n",
        "holds 1 2 3\n",
        "[{",
        "x",
        "\n",
    ],
)
def test_as_much_as_is_read_of_anything_takes_little_time(piece: str) -> None:
    flood = piece * ((6 << 20) // len(piece))
    wrapped = {"nvidia-smi": T4.replace("<processes>", "<processes>" + flood)}
    wrapped |= dict.fromkeys(("cards", "holders", "amd_holders", "rocm-smi", "processors", "names"), "")
    for name in wrapped:
        began = time.process_time()
        parsed({name: wrapped[name] or flood})
        assert time.process_time() - began < 4, name
