"""Pure: what the sampler's script says of cards, batch by batch, and who holds them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ozwald.model.resources import Gpu, Hardware, Holder
from ozwald.model.sample import CardSample
from ozwald.remote import amd, nvidia
from ozwald.remote.holders import parse_processes, with_processes
from ozwald.remote.text import clean

BATCH_LINES: Final = 4096
CARDS: Final = 128
MIB: Final = 1 << 20
CARD_ID: Final = re.compile(r"[A-Za-z0-9./@-]{1,80}")
WHOLE: Final = re.compile(r"[0-9]{1,9}")
WATTS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
NO_NODES: Final = amd.Nodes(render={}, groups={})


class CardReader:
    """Collects the lines of each maker until its batch is complete; `take` gives what is new."""

    def __init__(self) -> None:
        self._kfd: list[str] = []
        self._batches: dict[str, list[str]] = {"amd": [], "nvidia": []}
        self._holders: dict[str, tuple[Holder, ...]] = {}
        self._new: dict[str, CardSample] = {}

    def read(self, kind: str, line: str) -> None:
        """One line after the word that says what it is of: `node`, `amd` or `nvidia`."""
        if kind == "node":
            self._kfd.append(f"node {line}")
            del self._kfd[CARDS:]
            return
        batch = self._batches[kind]
        if line != ".":
            batch.append(line)
            del batch[BATCH_LINES:]
            return
        self._new |= self._amd(batch) if kind == "amd" else self._nvidia(batch)
        self._batches[kind] = []

    def take(self) -> Mapping[str, CardSample]:
        """The cards read since the last call, by id."""
        taken, self._new = self._new, {}
        return taken

    def _amd(self, lines: Sequence[str]) -> dict[str, CardSample]:
        cards = amd.cards((), amd.parse_sysfs(lines), NO_NODES, amd.parse_computing([*self._kfd, *lines]))
        return {gpu.id: _sample(gpu) for gpu in with_processes(cards[:CARDS], parse_processes(lines))}

    def _nvidia(self, lines: Sequence[str]) -> dict[str, CardSample]:
        """Holders are asked for only when memory has changed, so those that were known still hold."""
        if "holders" in lines:
            self._holders = _nvidia_holders(lines)
        rows = [row.removeprefix("card ").split(", ") for row in lines if row.startswith("card ")][:CARDS]
        found = {row[0]: _nvidia_card(row, self._holders) for row in rows if CARD_ID.fullmatch(row[0])}
        # A part of a card that is in MIG mode has holders and no line of its own.
        parts = {name: CardSample(holders=who) for name, who in self._holders.items() if name not in found}
        return found | parts


def _sample(gpu: Gpu) -> CardSample:
    return CardSample(
        vram_used_bytes=gpu.vram_used_bytes,
        vram_total_bytes=gpu.vram_total_bytes,
        utilization_percent=gpu.utilization_percent,
        power_w=gpu.power_w,
        holders=gpu.holders,
    )


def _nvidia_card(row: Sequence[str], holders: Mapping[str, tuple[Holder, ...]]) -> CardSample:
    """Reads `UUID, USED MIB, TOTAL MIB, UTILIZATION %, WATTS`; what is no number is None."""
    name, used, total, utilization, power, *_ = [*row, "", "", "", ""]
    return CardSample(
        vram_used_bytes=_mebibytes(used),
        vram_total_bytes=_mebibytes(total),
        utilization_percent=int(utilization) if WHOLE.fullmatch(utilization) else None,
        power_w=float(power) if WATTS.fullmatch(power) else None,
        holders=holders.get(name, ()),
    )


def _nvidia_holders(lines: Iterable[str]) -> dict[str, tuple[Holder, ...]]:
    """Reads `app UUID, PID, USED MIB, PROGRAM` and what follows on each process."""
    lines = list(lines)
    held: dict[str, list[Holder]] = {}
    for line in lines:
        if line.startswith("app "):
            name, pid, used, program, *_ = [*line.removeprefix("app ").split(", ", 3), "", "", ""]
            if CARD_ID.fullmatch(name) and WHOLE.fullmatch(pid):
                held.setdefault(name, []).append(_holder(int(pid), used, program))
    cards = [
        Gpu(hardware=Hardware.NVIDIA, index=index, id=name, name="", holders=tuple(holders))
        for index, (name, holders) in enumerate(held.items())
    ]
    return {gpu.id: gpu.holders for gpu in with_processes(cards[:CARDS], parse_processes(lines))}


def _holder(pid: int, used: str, program: str) -> Holder:
    vram = _mebibytes(used)
    missing = {} if vram is not None else {"vram_bytes": f"nvidia-smi says {clean(used, limit=64) or 'nothing'}"}
    return Holder(pid=pid, vram_bytes=vram, command=nvidia.program(program), missing=missing)


def _mebibytes(text: str) -> int | None:
    return int(text) * MIB if WHOLE.fullmatch(text) else None
