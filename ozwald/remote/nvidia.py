"""Pure: reads the output of `nvidia-smi -q -x`."""

import re
from typing import Final
from xml.parsers import expat

from ozwald.model.resources import Gpu, Hardware

MEBIBYTE: Final = 1 << 20
NOT_SAID: Final = frozenset({"", "N/A", "[N/A]", "Not Supported", "Unknown Error", "Insufficient Permissions"})
LONGEST: Final = 256


class NotNvidiaOutput(ValueError):
    """The text is not what nvidia-smi prints; says what it is instead."""


def parse_nvidia(text: bytes) -> tuple[Gpu, ...]:
    """The cards, in the order of nvidia-smi, which is that of their indexes; raises NotNvidiaOutput.

    Entity declarations are refused: a few hundred bytes of them unfold to gigabytes.
    """
    start = text.find(b"<?xml")
    if start < 0:
        raise NotNvidiaOutput(_first_line(text))
    reader = _Reader()
    try:
        reader.feed(text[start:])
    except expat.ExpatError as err:
        raise NotNvidiaOutput(f"it is not XML: {err}") from err
    driver = _said(reader.driver)
    return tuple(_card(index, facts, driver) for index, facts in enumerate(reader.cards) if facts.get("uuid"))


class _Reader:
    """Collects the text of the few elements that count, by their path inside a card."""

    WANTED: Final = {
        ("uuid",): "uuid",
        ("product_name",): "name",
        ("pci", "pci_bus_id"): "address",
        ("mig_mode", "current_mig"): "mig",
        ("fb_memory_usage", "total"): "total",
        ("fb_memory_usage", "used"): "used",
    }

    def __init__(self) -> None:
        self.driver = ""
        self.cards: list[dict[str, str]] = []
        self._path: list[str] = []
        self._text: list[str] = []

    def feed(self, text: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.EntityDeclHandler = _refuse_entities
        parser.Parse(text, True)
        if not self._seen_root:
            raise NotNvidiaOutput("it is XML, but not nvidia-smi's")

    _seen_root = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()
        self._seen_root |= self._path == ["nvidia_smi_log"]
        if self._path == ["nvidia_smi_log", "gpu"]:
            self.cards.append({})

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()[:LONGEST]
        self._text.clear()
        if self._path == ["nvidia_smi_log", "driver_version"]:
            self.driver = text
        elif self._path[:2] == ["nvidia_smi_log", "gpu"] and (key := self.WANTED.get(tuple(self._path[2:]))):
            self.cards[-1].setdefault(key, text)
        self._path.pop()


def _refuse_entities(*_: object) -> None:
    raise NotNvidiaOutput("it declares XML entities, which nvidia-smi never does")


def _card(index: int, facts: dict[str, str], driver: str | None) -> Gpu:
    name = facts.get("name") or "NVIDIA card"
    return Gpu(
        hardware=Hardware.NVIDIA,
        index=index,
        id=facts["uuid"],
        name=f"{name} (MIG)" if facts.get("mig") == "Enabled" else name,
        vram_total_bytes=_bytes(facts.get("total")),
        vram_used_bytes=_bytes(facts.get("used")),
        driver_version=driver,
        pci_address=_address(facts.get("address")),
    )


def _said(text: str | None) -> str | None:
    return None if text is None or text in NOT_SAID else text


def _bytes(text: str | None) -> int | None:
    found = re.fullmatch(r"(\d{1,12}) MiB", text or "")
    return int(found[1]) * MEBIBYTE if found else None


def _address(text: str | None) -> str | None:
    """The kernel's form: nvidia-smi writes a domain of eight digits, and capitals."""
    found = re.fullmatch(r"([0-9A-Fa-f]{4})?([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", text or "")
    return found[2].lower() if found else None


def _first_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else "it printed nothing"
