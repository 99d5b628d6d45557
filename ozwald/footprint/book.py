"""What the book keeps: one footprint for each combination, host and set of cards."""

from collections.abc import Iterable, Sequence
from dataclasses import fields

from ozwald.model.footprint import Combination, Footprint, Usage


def with_measured(book: Sequence[Footprint], measured: Footprint) -> tuple[Footprint, ...]:
    """The book with a new measurement: in the older one's place, else at the end."""
    if all(footprint.key != measured.key for footprint in book):
        return (*book, measured)
    return tuple(measured if footprint.key == measured.key else footprint for footprint in book)


def chosen(book: Sequence[Footprint], wanted: Iterable[Combination]) -> list[Footprint]:
    """The entries that are asked for, in the order they are; a variety or profile of None stands for all."""
    found = (footprint for asked in wanted for footprint in book if _is_meant(footprint.combination, asked))
    return list(dict.fromkeys(found))


def ratios(usage: Usage, first: Usage) -> dict[str, float | None]:
    """How much more or less it takes than another, by field; None where the other takes nothing or is not known."""
    pairs = {one.name: (getattr(usage, one.name), getattr(first, one.name)) for one in fields(Usage)}
    return {name: part / whole if whole and part is not None else None for name, (part, whole) in pairs.items()}


def _is_meant(known: Combination, asked: Combination) -> bool:
    return (
        (known.realm, known.service) == (asked.realm, asked.service)
        and asked.variety in (None, known.variety)
        and asked.profile in (None, known.profile)
    )
