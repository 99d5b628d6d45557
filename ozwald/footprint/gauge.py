"""A quantity over a run: its highest value, its quantiles at rest, and its course."""

from collections.abc import Iterable

from ozwald.footprint.course import Course
from ozwald.footprint.quantiles import Quantiles


class Gauge:
    """What one quantity was, in bounded memory; `peak` is None until it was read once."""

    __slots__ = ("at_rest", "course", "peak")

    def __init__(self) -> None:
        self.peak: float | None = None
        self.at_rest = Quantiles()
        self.course = Course()

    def add(self, at_s: float, value: float, *, at_rest: bool) -> None:
        """Counts one more reading; `at_rest` when it was taken after the service was ready, and before its script."""
        self.peak = value if self.peak is None else max(self.peak, value)
        self.course.add(at_s, value)
        if at_rest:
            self.at_rest.add(value)


class CardsGauge:
    """The sum over cards that are read at different times, of what each of them said last."""

    __slots__ = ("_by_card", "_card_ids", "total")

    def __init__(self, card_ids: Iterable[str]) -> None:
        self._card_ids = frozenset(card_ids)
        self._by_card: dict[str, float] = {}
        self.total = Gauge()

    def add(self, at_s: float, card_id: str, amount: float, *, at_rest: bool) -> None:
        """Counts what one card says; there is no total before every card has said something."""
        self._by_card[card_id] = amount
        if self._by_card.keys() == self._card_ids:
            self.total.add(at_s, sum(self._by_card.values()), at_rest=at_rest)
