"""Whose VRAM it is: told by the processes of the cards, else by how much fuller the cards became."""

from collections.abc import Iterable

from ozwald.footprint.gauge import CardsGauge, Gauge
from ozwald.footprint.quantiles import Quantiles
from ozwald.model.footprint import VramSource
from ozwald.model.resources import Holder
from ozwald.model.sample import CardSample

# What a card's own count moves by without any process that could be told: the driver's buffers.
UNEXPLAINED_BYTES = 64 * 1024**2
TOLD_FRACTION = 0.9
_NAMELESS = frozenset({"container_id", "user", "command"})


class VramMeter:
    """The VRAM of one container on its cards, by their processes and by the cards' difference at the same time."""

    def __init__(self, card_ids: Iterable[str]) -> None:
        self._before = {card_id: Quantiles() for card_id in card_ids}
        self._by_process = CardsGauge(self._before)
        self._by_difference = CardsGauge(self._before)
        self._readings = self._told = 0

    def add_before(self, card_id: str, card: CardSample) -> None:
        """Counts what a card held before the container was there."""
        if (unexplained := _unexplained(card, None)) is not None:
            self._before[card_id].add(unexplained)

    def add(self, at_s: float, card_id: str, card: CardSample, container_id: str, *, at_rest: bool) -> None:
        """Counts what a card holds while the container is there."""
        self._readings += 1
        if all(_is_told(holder) for holder in card.holders):
            self._told += 1
            own = (holder for holder in card.holders if holder.container_id == container_id)
            self._by_process.add(at_s, card_id, _sum(own), at_rest=at_rest)
        before, now = self._before[card_id].median, _unexplained(card, container_id)
        if before is not None and now is not None:
            self._by_difference.add(at_s, card_id, max(0.0, now - before), at_rest=at_rest)

    @property
    def source(self) -> VramSource | None:
        """Which of the two is to be believed; None when neither says anything.

        The processes, when all of them could be told in nine of ten readings; but not when none is the container's
        while the cards became fuller than their processes explain.
        """
        by_process, by_difference = self._by_process.total.peak, self._by_difference.total.peak
        is_told = by_process is not None and self._told >= TOLD_FRACTION * self._readings
        if is_told and (by_process or (by_difference or 0) <= UNEXPLAINED_BYTES):
            return VramSource.PROCESSES
        return None if by_difference is None else VramSource.CARD_DIFFERENCE

    @property
    def gauge(self) -> Gauge:
        """What the source read that is to be believed; empty when there is none."""
        by_source = {VramSource.PROCESSES: self._by_process, VramSource.CARD_DIFFERENCE: self._by_difference}
        return by_source[self.source].total if self.source else Gauge()


def _is_told(holder: Holder) -> bool:
    """Whether it is known how much a process holds, and for which container or that it is in none."""
    is_placed = holder.container_id is not None or not _NAMELESS & holder.missing.keys()
    return is_placed and holder.vram_bytes is not None


def _sum(holders: Iterable[Holder]) -> int:
    return sum(holder.vram_bytes or 0 for holder in holders)


def _unexplained(card: CardSample, container_id: str | None) -> float | None:
    """The used bytes that no process of others is known to hold; one that nobody can place may be the container's."""
    if card.vram_used_bytes is None:
        return None
    known = (holder for holder in card.holders if _is_told(holder))
    return card.vram_used_bytes - _sum(one for one in known if container_id is None or one.container_id != container_id)
