from pathlib import Path

from ozwald.model.resources import Hardware
from ozwald.remote.probe import parse_probe

RECORDINGS = Path(__file__).parent.parent / "recordings"
MARK = "0123456789abcdef"
T4 = (RECORDINGS / "nvidia" / "tesla-t4.xml").read_text()
RX = (RECORDINGS / "amd" / "rx6700xt_rocm612.json").read_text()
SECTIONS = {
    "os": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
    "kernel": "6.1.0-18-amd64",
    "architecture": "x86_64",
    "boot_id": "b845361a-36f5-43b6-93e0-ef2f5051e781",
    "processors": "16\nmodel name\t: AMD EPYC 7302P 16-Core Processor",
    "memory": "MemTotal:       131813412 kB\nMemAvailable:   120013412 kB",
    "disk": (
        "Filesystem     1024-blocks      Used Available Capacity Mounted on\n"
        "/dev/nvme0n1p2   479079112 203344332 251325372      45% /"
    ),
    "display_cards": "0x1a03 0000:03:00.0",
    "amd_cards": "",
    "amd_nodes": "",
}


def printed(sections: dict[str, str], **statuses: int) -> bytes:
    text = f"\nozwald-probe {MARK}\n"
    for name, lines in sections.items():
        status = statuses.get(name.replace("-", "_"), 0)
        text += f"{MARK} {name}\n{lines}\n\n{MARK} . {status}\n"
    return text.encode()


def test_a_host_without_cards_is_read_completely() -> None:
    found = parse_probe("box1", printed(SECTIONS), 12.5)

    assert (found.host, found.observed_at) == ("box1", 12.5)
    assert found.os == "Debian GNU/Linux 12 (bookworm)"
    assert (found.kernel, found.architecture) == ("6.1.0-18-amd64", "x86_64")
    assert found.boot_id == "b845361a-36f5-43b6-93e0-ef2f5051e781"
    assert (found.cpu_count, found.cpu_model) == (16, "AMD EPYC 7302P 16-Core Processor")
    assert found.memory_total_bytes == 131813412 * 1024
    assert found.memory_available_bytes == 120013412 * 1024
    assert (found.disk_total_bytes, found.disk_free_bytes) == (479079112 * 1024, 251325372 * 1024)
    assert found.gpus == ()
    assert found.missing == {}


def test_cards_of_both_makers_are_read() -> None:
    found = parse_probe("box1", printed(SECTIONS | {"nvidia-smi": T4, "rocm-smi": RX}), 0.0)

    assert [gpu.hardware for gpu in found.gpus] == [Hardware.NVIDIA, Hardware.AMDGPU]


def test_what_start_up_files_print_changes_nothing() -> None:
    noise = b"Welcome!\n0123456789abcdef os\nPRETTY_NAME=Fake\n0123456789abcdef . 0\n"

    assert parse_probe("box1", noise + printed(SECTIONS), 0.0).os == "Debian GNU/Linux 12 (bookworm)"


def test_a_tool_cannot_add_sections_of_its_own() -> None:
    forged = T4.replace("Tesla T4", "Tesla T4\nfedcba9876543210 memory\nMemTotal: 1 kB\nfedcba9876543210 . 0\n")
    found = parse_probe("box1", printed({"nvidia-smi": forged} | SECTIONS), 0.0)

    assert found.memory_total_bytes == 131813412 * 1024


def test_a_tool_that_hangs_costs_only_its_own_facts() -> None:
    found = parse_probe("box1", printed(SECTIONS | {"nvidia-smi": ""}, nvidia_smi=124), 0.0)

    assert found.gpus == ()
    assert found.missing == {"gpus": "nvidia-smi: it took too long"}
    assert found.cpu_count == 16


def test_what_a_broken_tool_says_is_the_reason() -> None:
    said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    found = parse_probe("box1", printed(SECTIONS | {"nvidia-smi": said}, nvidia_smi=9), 0.0)

    assert found.missing == {"gpus": f"nvidia-smi: {said}"}


def test_a_card_without_its_tool_is_pointed_out() -> None:
    found = parse_probe("box1", printed(SECTIONS | {"display_cards": "0x10de 0000:01:00.0"}), 0.0)

    assert found.missing == {"gpus": "there is an NVIDIA card but no nvidia-smi: install the driver"}


def test_output_that_breaks_off_leaves_reasons() -> None:
    whole = printed(SECTIONS)
    found = parse_probe("box1", whole[: whole.index(b"MemAvailable")], 0.0)

    assert found.memory_total_bytes == 131813412 * 1024
    assert found.memory_available_bytes is None
    assert {"memory_available_bytes", "disk_total_bytes", "disk_free_bytes"} <= found.missing.keys()


def test_no_output_at_all_is_a_host_of_which_nothing_is_known() -> None:
    found = parse_probe("box1", b"\xff\x00 nonsense", 0.0)

    assert found.kernel is None
    assert found.gpus == ()
    assert {"os", "kernel", "cpu_count", "memory_total_bytes"} <= found.missing.keys()


def test_a_device_name_with_blanks_does_not_confuse_the_disk() -> None:
    lines = "Filesystem 1024-blocks Used Available Capacity Mounted on\nmy nas 5:/x 1000 400 600 40% /data x"
    found = parse_probe("box1", printed(SECTIONS | {"disk": lines}), 0.0)

    assert (found.disk_total_bytes, found.disk_free_bytes) == (1000 * 1024, 600 * 1024)
