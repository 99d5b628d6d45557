"""Output of the probe's script, made up of sections."""

from collections.abc import Mapping

from tests.remote.recorded import recorded

MARK = "0123456789abcdef"
T4 = recorded("nvidia/tesla-t4.xml").decode()
RX = recorded("amd/rx6700xt_rocm612.json").decode()
SECTIONS: Mapping[str, str] = {
    "os": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
    "kernel": "6.1.0-18-amd64",
    "architecture": "x86_64",
    "boot_id": "b845361a-36f5-43b6-93e0-ef2f5051e781",
    "processors": "online 0-15\nload 1.25 0.90 0.70 2/1021 4711\nmodel name\t: AMD EPYC 7302P 16-Core Processor",
    "topology": "\n".join([*(f"{n},{n + 8}" for n in range(8)), *(f"{n},{n + 8}" for n in range(8)), *["0"] * 16]),
    "memory": "MemTotal: 131813412 kB\nMemAvailable: 120013412 kB\nSwapTotal: 8388604 kB\nSwapFree: 8000000 kB",
    "cgroup_version": "2",
    "disk": (
        "Filesystem     1024-blocks      Used Available Capacity Mounted on\n"
        "/dev/nvme0n1p2   479079112 203344332 251325372      45% /"
    ),
    "engine_sockets": "/var/run/docker.sock",
    "listeners": (
        "tcp 0100007F:1F90 1000\ntcp 00000000:0016 0\ntcp6 00000000000000000000000000000000:0016 0\n"
        "tcp6 0000000000000000FFFF00000100007F:1F91 33\nudp 3500007F:0035 101"
    ),
    "holders": "user ann:1000\nuser systemd-resolve:101",
    "cards": "card 0000:03:00.0 0x030000 0x1a03 0x2000 ast",
    "amd_nodes": "",
    "amd_holders": "",
    "toolkit": "tool nvidia-ctk\ntool nvidia-container-runtime-hook\ncdi /etc/cdi/nvidia.yaml",
    "toolkit_version": "NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f202b80",
}


def printed(sections: Mapping[str, str] = SECTIONS, **statuses: int | None) -> bytes:
    """What the script prints; a status of None is that of a section that was cut."""
    text = f"\nozwald-probe {MARK}\n"
    for name, lines in sections.items():
        status = statuses.get(name.replace("-", "_"), 0)
        text += f"\n{MARK} {name}\n{lines}\n" + ("" if status is None else f"\n{MARK} . {status}\n")
    return text.encode()
