"""Every recording, and what a probe reads from it, checked by hand against the file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ozwald.model.resources import Gpu, Hardware
from ozwald.remote import amd, nvidia

RECORDINGS = Path(__file__).parent.parent / "recordings"
A100 = "GPU-513536b6-7d19-9063-b049-1e69664bb298"
MADE_SAME = "GPU-12345678-aaaa-bbbb-cccc-0123456789ab"
NAVI = "Navi 22 [Radeon RX 6700/6700 XT / 6800M]"
MI100 = "Arcturus GL-XL [Instinct MI100]"

MIG = (None, None, True, None)

# VRAM in MiB: total, used, reserved. Power in W: drawn, limit. Then °C, % of use, ECC on, uncorrected errors.
Row = tuple[str, str, tuple[int, int, int | None], tuple[float | None, float | None], tuple[Any, ...]]
NVIDIA: Mapping[str, tuple[str | None, list[Row]]] = {
    "a100-sxm4-v12.xml": (
        "535.54.03",
        [
            (A100, "NVIDIA A100-SXM4-80GB", (81920, 50, 869), (67.03, 500), (27, None, True, 0)),
            *(
                (
                    f"{A100}/mig-{n}",
                    f"NVIDIA A100-SXM4-80GB MIG {n}",
                    (19968, 12, 0),
                    (None, None),
                    (None, None, True, None),
                )
                for n in range(4)
            ),
        ],
    ),
    "a10g.xml": (
        "515.105.01",
        [("GPU-9a9a6c50-2a47-2f51-a902-b82c3b127e94", "NVIDIA A10G", (23028, 22, 435), (25.58, 300), (17, 0, True, 0))],
    ),
    "dual_2080-v13.xml": (
        "590.44.01",
        [
            (MADE_SAME, "NVIDIA GeForce RTX 2080", (8192, 1, 406), (1, 215), (15, 0, None, None)),
            (f"{MADE_SAME}@0000:02:00.0", "NVIDIA GeForce RTX 2080", (8192, 1, 406), (1.62, 215), (15, 0, None, None)),
        ],
    ),
    "gtx-1070-ti.xml": (
        None,
        [
            (
                "GPU-f9ba66fc-a7f5-94c5-da19-019ef2f9c665",
                "GeForce GTX 1070 Ti",
                (4096, 42, None),
                (None, None),
                (39, 0, None, None),
            )
        ],
    ),
    "gtx-1660-ti.xml": (
        "418.43",
        [
            (
                "GPU-304a277d-3545-63b8-3a36-dfde3c992989",
                "Graphics Device",
                (5912, 0, None),
                (8.93, 130),
                (40, 0, None, None),
            )
        ],
    ),
    "quadro-p2000-v12.xml": (
        "525.125.06",
        [("GPU-396caaed-39ca-3199-2e68-717cdb786ec6", "Quadro P2000", (5120, 1, 66), (4.61, 75), (34, 0, None, None))],
    ),
    "quadro-p400.xml": (
        "418.43",
        [
            (
                "GPU-8f750be4-dfbc-23b9-b33f-da729a536494",
                "Quadro P400",
                (1998, 0, None),
                (None, None),
                (33, 0, None, None),
            )
        ],
    ),
    "rtx-3060-v12.xml": (
        "570.124.04",
        [
            (
                "GPU-d6889ff6-2523-9142-ca3c-1ca3f396a625",
                "NVIDIA GeForce RTX 3060",
                (12288, 116, 368),
                (11.6, 170),
                (42, 0, None, None),
            )
        ],
    ),
    "rtx-3080-v12.xml": (
        "536.40",
        [
            (
                "GPU-19d6d965-2acc-f646-00f8-4c76979aabb4",
                "NVIDIA GeForce RTX 3080",
                (10240, 1128, 173),
                (22.78, 336),
                (31, 0, None, None),
            )
        ],
    ),
    "rtx-3080-v13.xml": (
        "595.58.03",
        [
            (
                "GPU-19d6d965-2acc-f646-00f8-4c76979aabb4",
                "NVIDIA GeForce RTX 3080",
                (10240, 9184, 397),
                (139.62, 320),
                (27, 65, None, None),
            )
        ],
    ),
    "rtx-3090-v12.xml": (
        "525.147.05",
        [(MADE_SAME, "NVIDIA GeForce RTX 3090", (24576, 1, 316), (27.23, 200), (37, 0, None, None))],
    ),
    "rtx-4000-sff-ada-v13.xml": (
        "595.84",
        [
            (
                "GPU-37037c3f-65c8-ec4d-24a9-420204ad8026",
                "NVIDIA RTX 4000 SFF Ada Generation",
                (20475, 3534, 460),
                (8.81, 70),
                (38, 0, False, None),
            )
        ],
    ),
    "tesla-t4.xml": (
        "515.105.01",
        [("GPU-d37e67a5-91dd-3774-a5cb-99096249601a", "Tesla T4", (15360, 1032, 388), (26.78, 70), (40, 0, True, 0))],
    ),
}
HOLDERS: Mapping[str, list[tuple[int, str, int]]] = {
    "a10g.xml": [(725, "Xorg", 22)],
    "rtx-3080-v12.xml": [
        (835, "Xorg", 550),
        (1481, "gnome-shell", 18),
        (2214, "msedge", 79),
        (4044, "firefox", 541),
        (42416, "code", 159),
    ],
    "rtx-4000-sff-ada-v13.xml": [
        (1842, "cosmic-comp", 410),
        (3190, "code", 451),
        (4937, "python", 160),
        (34626, "chromium", 183),
    ],
    "tesla-t4.xml": [(675, "Xorg", 22), (5762, "python", 1005)],
}
# Driver, then for each card: address, name, VRAM in bytes: total and used, power, limit, °C.
AMD: Mapping[str, tuple[str, list[tuple[Any, ...]]]] = {
    "mi100_rocm571.json": (
        "6.2.4",
        [
            (f"0000:{bus}:00.0", MI100, 34342961152, 6782976, power, 290, temperature)
            for bus, power, temperature in [
                *(("1e", 39, 31), ("22", 37, 30), ("3f", 35, 31), ("43", 39, 33), ("46", 39, 32), ("49", 40, 33))
            ]
        ],
    ),
    "mi100_rocm602.json": (
        "6.3.6",
        [
            (f"0000:{bus}:00.0", MI100, 34342961152, 6750208, power, 290, temperature)
            for bus, power, temperature in [("83", 36, 53), ("a3", 44, 55), ("c3", 43, 54), ("e3", 39, 51)]
        ],
    ),
    "rx6700xt_rocm430.json": ("6.3.6", [("0000:07:00.0", "AMD card", 12868124672, 1622728704, 6, 211, 45)]),
    "rx6700xt_rocm571.json": ("6.3.6", [("0000:07:00.0", NAVI, 12868124672, 1564491776, 6, 211, 45)]),
    "rx6700xt_rocm602.json": ("6.3.6", [("0000:07:00.0", NAVI, 12868124672, 1572757504, None, 211, 45)]),
    "rx6700xt_rocm612.json": ("6.3.6", [("0000:07:00.0", NAVI, 12868124672, 1572745216, 6, 211, 45)]),
    "vega-10-XT.json": ("5.9.25", [("0000:04:00.0", "AMD card", 17163091968, 17776640, 15, 170, 39)]),
    "vega-20-WKS-GL-XE.json": (
        "5.9.17",
        [("0000:63:00.0", "Radeon Instinct MI50 32GB", 34342961152, 10850304, 26, 225, 36)],
    ),
}


# Facts that are None only with a reason.
MEASURED: Mapping[Hardware, set[str]] = {
    Hardware.NVIDIA: {
        *("vram_total_bytes", "vram_used_bytes", "vram_reserved_bytes", "architecture", "driver_version"),
        *("cuda_version", "pci_address", "power_w", "power_limit_w", "temperature_c", "utilization_percent"),
        *("ecc_enabled", "ecc_uncorrected_errors"),
    },
    Hardware.AMDGPU: {
        *("vram_total_bytes", "vram_used_bytes", "architecture", "driver_version", "power_w", "power_limit_w"),
        *("temperature_c", "utilization_percent", "ecc_uncorrected_errors", "ecc_enabled", "render_node"),
    },
}


def read_nvidia(text: bytes) -> tuple[Gpu, ...]:
    return nvidia.parse_nvidia(text)


def read_amd(text: bytes) -> tuple[Gpu, ...]:
    return amd.cards(amd.parse_rocm_smi(text), [], amd.Nodes(render={}, groups={}))


READERS: Mapping[str, Callable[[bytes], tuple[Gpu, ...]]] = {"nvidia": read_nvidia, "amd": read_amd}
EVERY = sorted(path.relative_to(RECORDINGS).as_posix() for maker in READERS for path in RECORDINGS.glob(f"{maker}/*"))


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


def read(name: str, text: bytes | None = None) -> tuple[Gpu, ...]:
    return READERS[name.partition("/")[0]](recorded(name) if text is None else text)
