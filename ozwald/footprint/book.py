"""What the book keeps: one footprint for each combination, host and set of cards."""

from collections.abc import Iterable, Sequence

from ozwald.model.footprint import Combination, Footprint

Key = tuple[Combination, str | None, tuple[str, ...]]


def key_of(footprint: Footprint) -> Key:
    """What a newer measurement has in common with the one it replaces."""
    return (footprint.combination, footprint.host, footprint.cards)


def with_measured(book: Sequence[Footprint], measured: Footprint) -> tuple[Footprint, ...]:
    """The book with a new measurement: in the older one's place, else at the end."""
    key = key_of(measured)
    if all(key_of(footprint) != key for footprint in book):
        return (*book, measured)
    return tuple(measured if key_of(footprint) == key else footprint for footprint in book)


def chosen(book: Iterable[Footprint], wanted: Iterable[Combination]) -> list[Footprint]:
    """The entries that are asked for; a variety or profile of None stands for all."""
    asked = tuple(wanted)
    return [footprint for footprint in book if any(_is_meant(footprint.combination, one) for one in asked)]


def _is_meant(known: Combination, asked: Combination) -> bool:
    return (
        (known.realm, known.service) == (asked.realm, asked.service)
        and asked.variety in (None, known.variety)
        and asked.profile in (None, known.profile)
    )
