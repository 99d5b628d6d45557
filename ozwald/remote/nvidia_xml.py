"""Pure: takes the XML of `nvidia-smi -q -x` apart into the texts of its cards, and refuses what it never is."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

ROOT: Final = "nvidia_smi_log"
DEEPEST: Final = 8
LONGEST: Final = 256
MOST_CARDS: Final = 256
MOST_PARTS: Final = 512


class NotNvidiaOutput(ValueError):
    """The text is not what nvidia-smi prints; says what it is instead."""


@dataclass(slots=True)
class CardTexts:
    """One card: texts by path, and the same for each MIG device and process; `more_processes` are beyond the limit."""

    texts: dict[str, str] = field(default_factory=dict)
    devices: list[dict[str, str]] = field(default_factory=list)
    processes: list[dict[str, str]] = field(default_factory=list)
    more_processes: int = 0


@dataclass(slots=True)
class Log:
    """What nvidia-smi says of the driver and of each card."""

    texts: dict[str, str] = field(default_factory=dict)
    cards: list[CardTexts] = field(default_factory=list)


def read_log(text: bytes, wanted: Collection[str], *, is_cut: bool = False) -> Log:
    """The texts at the wanted paths, such as `fb_memory_usage/used`; raises NotNvidiaOutput.

    Of output that was cut all is kept that came before. Documents that bring declarations of their own are refused:
    a few hundred bytes of entities unfold to gigabytes.
    """
    start = text.find(b"<?xml")
    if start < 0:
        raise NotNvidiaOutput(_first_line(text))
    reader = _Reader(frozenset(wanted))
    try:
        reader.feed(text[start:])
    except expat.ExpatError as err:
        if not (is_cut and reader.log.cards):
            raise NotNvidiaOutput(f"it is not XML: {err}") from err
    if not reader.has_root:
        raise NotNvidiaOutput("it is XML, but not nvidia-smi's")
    return reader.log


class _Reader:
    """Collects the wanted texts by their path below a card, a MIG device or a process."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.log = Log()
        self.has_root = False
        self._wanted = wanted
        self._depth = 0
        self._path: list[str] = []
        self._part: dict[str, str] = {}
        self._text: list[str] = []

    def feed(self, text: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse_declarations
        parser.Parse(text, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text.clear()
        if self._depth > DEEPEST:
            return
        self._path.append(name)
        self.has_root |= self._path == [ROOT]
        match self._path:
            case [_, "gpu"]:
                if len(self.log.cards) >= MOST_CARDS:
                    raise NotNvidiaOutput(f"it lists more than {MOST_CARDS} cards")
                self.log.cards.append(CardTexts())
            case [_, "gpu", "mig_devices", "mig_device"]:
                self._begin_part(self.log.cards[-1].devices)
            case [_, "gpu", "processes", "process_info"]:
                card = self.log.cards[-1]
                card.more_processes += not self._begin_part(card.processes)

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()[:LONGEST]
        self._text.clear()
        self._depth -= 1
        if self._depth >= DEEPEST:
            return
        self._keep(text)
        self._path.pop()

    def _keep(self, text: str) -> None:
        match self._path:
            case [_, "gpu", "mig_devices", "mig_device", *rest] | [_, "gpu", "processes", "process_info", *rest]:
                self._set(self._part, rest, text)
            case [_, "gpu", *rest]:
                self._set(self.log.cards[-1].texts, rest, text)
            case [_, *rest]:
                self._set(self.log.texts, rest, text)

    def _begin_part(self, parts: list[dict[str, str]]) -> bool:
        """Whether there is room for one more; texts of a part without room go nowhere."""
        self._part = {}
        has_room = len(parts) < MOST_PARTS
        if has_room:
            parts.append(self._part)
        return has_room

    def _set(self, texts: dict[str, str], path: list[str], text: str) -> None:
        if (key := "/".join(path)) in self._wanted:
            texts.setdefault(key, text)


def _refuse_declarations(name: str, system: str | None, public: str | None, has_declarations: bool) -> None:
    if has_declarations:
        raise NotNvidiaOutput("it declares XML entities or the like, which nvidia-smi never does")


def _first_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else "it printed nothing"
