"""Gives a host its recorded cards: the stub tools and the recordings that they replay."""

import json
import re
import shutil
from pathlib import Path

from tests.lab.options import RECORDINGS, HostOptions
from tests.lab.spawning import HERE

STUBS = HERE / "stubs"


def install(options: HostOptions, home: Path) -> list[str]:
    """Writes tools and recordings into the host's directory; returns the PCI addresses of AMD cards."""
    if options.nvidia:
        recording = with_cards((RECORDINGS / "nvidia" / options.nvidia).read_text(), options.cards)
        (home / "nvidia.xml").write_text(recording)
        (home / "nvidia.list").write_text(listed(recording))
        _tools(home, "nvidia-smi", "nvidia-container-runtime-hook")
    if not options.amd:
        return []
    text = (RECORDINGS / "amd" / options.amd).read_text()
    (home / "rocm.json").write_text(text)
    _tools(home, "rocm-smi")
    return [card["PCI Bus"].lower() for name, card in json.loads(text).items() if name.startswith("card")]


def with_cards(recording: str, count: int) -> str:
    """The recording with its one card `count` times: other UUIDs, PCI buses and minor numbers."""
    before, card, after = re.split(r"(?s)(<gpu id=.*</gpu>)", recording, maxsplit=1)
    before = re.sub(r"(<attached_gpus>)\d+", rf"\g<1>{count}", before)
    cards = [card, *(_another(card, index) for index in range(1, count))]
    return before + "\n    ".join(cards) + after


def listed(recording: str) -> str:
    """What `nvidia-smi -L` prints for a recording: MIG devices get UUIDs made of their card's."""
    lines = []
    for index, card in enumerate(re.findall(r"(?s)<gpu id=.*?</gpu>", recording)):
        name, uuid = (re.findall(rf"<{tag}>(.*?)</{tag}>", card)[-1] for tag in ("product_name", "uuid"))
        lines.append(f"GPU {index}: {name} (UUID: {uuid})")
        for number in re.findall(r"(?s)<mig_device>\s*<index>(\d+)<", card):
            mig = f"MIG-{uuid.removeprefix('GPU-')[:-2]}{int(number):02x}"
            lines.append(f"  MIG 1g.20gb     Device  {number}: (UUID: {mig})")
    return "\n".join(lines) + "\n"


def _another(card: str, index: int) -> str:
    card = re.sub(r"(GPU|MIG)-([0-9a-f]{6})[0-9a-f]{2}", rf"\1-\g<2>{index:02x}", card)
    card = re.sub(r"(<minor_number>)\d+", rf"\g<1>{index}", card)
    return re.sub(r"(?<=00000000:)[0-9A-F]{2}(?=:)", lambda bus: f"{(int(bus[0], 16) + index) % 256:02X}", card)


def _tools(home: Path, *names: str) -> None:
    for name in names:
        shutil.copy(STUBS / name, home / "bin")
        (home / "bin" / name).chmod(0o755)
    for program in STUBS.glob("*.awk"):
        shutil.copy(program, home / "lib")
