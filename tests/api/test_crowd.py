"""Who opens too many connections loses their own; nobody else notices."""

from dataclasses import dataclass

from ozwald.api.crowd import Crowd


@dataclass(eq=False)
class Guest:
    name: str
    is_busy: bool = False


def crowd(most: int, most_per_address: int, **guests: str) -> tuple[Crowd[Guest], dict[str, Guest]]:
    """Guests by name, each at an address, who came in this order."""
    found: Crowd[Guest] = Crowd(most=most, most_per_address=most_per_address)
    known = {name: Guest(name) for name in guests}
    for name, address in guests.items():
        found.enter(known[name], address)
    return found, known


def sent_away(found: Crowd[Guest], known: dict[str, Guest], addresses: dict[str, str]) -> list[str]:
    gone = []
    for guest in found.too_many():
        found.leave(guest, addresses[guest.name])
        gone.append(guest.name)
    return gone


def test_nobody_goes_while_there_is_room() -> None:
    addresses = {"a": "1", "b": "1", "c": "2"}
    assert sent_away(*crowd(3, 2, **addresses), addresses) == []


def test_the_oldest_of_an_address_with_too_many_goes() -> None:
    addresses = {"honest": "1", "a": "2", "b": "2", "c": "2"}
    assert sent_away(*crowd(10, 1, **addresses), addresses) == ["a", "b"]


def test_who_got_something_done_is_not_the_oldest_any_more() -> None:
    addresses = {"a": "1", "b": "1", "c": "1"}
    found, known = crowd(10, 2, **addresses)

    found.has_done(known["a"], "1")

    assert sent_away(found, known, addresses) == ["b"]


def test_who_is_served_stays() -> None:
    addresses = {"a": "1", "b": "1", "c": "1"}
    found, known = crowd(10, 2, **addresses)
    known["a"].is_busy = True

    assert sent_away(found, known, addresses) == ["b"]


def test_where_all_is_full_the_address_with_most_gives_way() -> None:
    addresses = {"honest": "1", "a": "2", "b": "2", "c": "3"}
    assert sent_away(*crowd(3, 10, **addresses), addresses) == ["a"]


def test_where_everybody_is_served_nobody_goes() -> None:
    addresses = {"a": "1", "b": "1"}
    found, known = crowd(1, 10, **addresses)
    for guest in known.values():
        guest.is_busy = True

    assert sent_away(found, known, addresses) == []


def test_who_left_is_forgotten() -> None:
    found, known = crowd(1, 1, a="1")

    found.leave(known["a"], "1")
    found.leave(known["a"], "1")
    found.has_done(known["a"], "1")

    assert len(found) == 0
