"""What controllers tell each other through Redis besides what is wanted: facts of hosts, and events."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

from ozwald.state.lease import Candidate
from ozwald.state.redis_link import RedisLink

# About as many as a controller keeps itself; Redis lets go of the oldest in blocks.
MOST_EVENTS: Final = 10_000

_TELL_FACTS = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
local first = 3 + ARGV[2]
for i = 3, first - 1 do redis.call('hdel', KEYS[2], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('hset', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""
# An id that is not above the last one was told before: the answer was lost.
_TELL_EVENTS = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 3, #ARGV, 2 do
  local told = redis.pcall('xadd', KEYS[2], 'MAXLEN', '~', ARGV[2], ARGV[i], 'event', ARGV[i + 1])
  if type(told) == 'table' and told.err and not string.find(told.err, 'equal or smaller', 1, true) then return told end
end
return 1
"""


class Records:
    """One provisioner's facts and events as texts; only who holds the lease writes. Every call may raise StateError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def hosts(self) -> frozenset[str]:
        """The hosts that it has facts of."""
        return frozenset(self._link.call(lambda: self._link.client.hkeys(self._link.key("facts"))))

    def facts(self) -> Mapping[str, str]:
        """The facts of each host."""
        found: Mapping[str, str] = self._link.call(lambda: self._link.client.hgetall(self._link.key("facts")))
        return found

    def tell_facts(self, candidate: Candidate, facts: Mapping[str, str], *, without: Iterable[str]) -> None:
        """Takes in these hosts' facts, and forgets those of others."""
        gone = sorted(without)
        pairs = itertools.chain.from_iterable(facts.items())
        self._link.script(_TELL_FACTS, ("lease", "facts"), candidate.text, len(gone), *gone, *pairs)

    def last_event(self) -> int:
        """The id of the newest event, 0 without any."""
        found = self._link.call(lambda: self._link.client.xrevrange(self._link.key("events"), count=1))
        return _number(found[0][0]) if found else 0

    def events_after(self, number: int, *, most: int) -> list[tuple[int, str]]:
        """The oldest events of those with a higher id: their ids and texts."""
        key, after = self._link.key("events"), f"{number + 1}-0"
        found = self._link.call(lambda: self._link.client.xrange(key, min=after, count=most))
        return [(_number(name), parts.get("event", "")) for name, parts in found]

    def tell_events(self, candidate: Candidate, events: Iterable[tuple[int, str]]) -> None:
        """Adds events, oldest first; those that it has already are no matter."""
        pairs = itertools.chain.from_iterable((str(number), text) for number, text in events)
        self._link.script(_TELL_EVENTS, ("lease", "events"), candidate.text, MOST_EVENTS, *pairs)


def _number(name: str) -> int:
    """Of `1700000000000000-0`."""
    return int(name.partition("-")[0])
