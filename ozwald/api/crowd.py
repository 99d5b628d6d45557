"""Who is connected, and who has to go where there are too many."""

from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class Member(Hashable, Protocol):
    """One that is connected; a busy one is being worked for and is left alone."""

    @property
    def is_busy(self) -> bool: ...


M = TypeVar("M", bound=Member)


class Crowd(Generic[M]):
    """Members by address, in the order in which each last got something done.

    Where there is no room, the one that has done nothing for longest goes, of the address that has most: who opens
    thousands of connections loses their own, and an honest client always gets in.
    """

    def __init__(self, *, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._members: dict[str, dict[M, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, member: M, address: str) -> None:
        """Takes in a member, as the last of its address."""
        self._members.setdefault(address, {})[member] = None
        self._count += 1

    def leave(self, member: M, address: str) -> None:
        """Forgets a member; one that is gone already is no matter."""
        members = self._members.get(address, {})
        if member in members:
            del members[member]
            self._count -= 1
        if not members:
            self._members.pop(address, None)

    def has_done(self, member: M, address: str) -> None:
        """Notes that a member got something done just now."""
        members = self._members.get(address, {})
        if member in members:
            members[member] = members.pop(member)

    def too_many(self) -> Iterator[M]:
        """Who has to go, so that there is room again; each is expected to leave at once."""
        for address in list(self._members):
            yield from self._oldest(address, len(self._members[address]) - self._most_per_address)
        while self._count > self._most:
            found = list(self._oldest(max(self._members, key=lambda one: len(self._members[one])), 1))
            if not found:
                return
            yield from found

    def _oldest(self, address: str, count: int) -> list[M]:
        if count <= 0:
            return []
        idle = (member for member in self._members[address] if not member.is_busy)
        return [member for member, _ in zip(idle, range(count), strict=False)]
