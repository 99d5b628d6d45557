"""The Redis of one provisioner as mirror of its documents and meeting point of its controllers."""

from dataclasses import dataclass

from ozwald.errors import StateError
from ozwald.state.lease import FREE, LEASE_S, Candidate, Held
from ozwald.state.redis_link import RedisLink

# Each script does its whole work in one step, and done twice it does no more than once: a lost answer is harmless.
_CLAIM = """
local held = redis.call('get', KEYS[1])
local is_free = (not held and ARGV[3] == '1') or held == ARGV[5]
if is_free or held == ARGV[1] or (held and string.sub(held, 1, #ARGV[4]) == ARGV[4]) then
  redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
  return {ARGV[1], tonumber(ARGV[2]), held == ARGV[1] and 0 or 1}
end
return {held, redis.call('pttl', KEYS[1]), 0}
"""
_RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) end
"""
_MIRROR = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
local known = tonumber(redis.call('hget', KEYS[2], 'number') or '-1')
if known > tonumber(ARGV[2]) then return 0 end
redis.call('hset', KEYS[2], 'number', ARGV[2], 'digest', ARGV[3], 'writer', ARGV[4], 'text', ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """Which state of a document Redis holds, and the candidate's name that wrote it; `digest` tells texts apart."""

    number: int
    digest: str
    writer: str


class Cache:
    """Who is the active controller, which id they share, and the copies of their documents; a document has a key."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def claim(self, candidate: Candidate, *, may_take: bool) -> Held:
        """Takes or renews the lease; one that nobody has only where that is allowed.

        Raises:
            StateError: Redis did not answer as it should; the lease may be taken all the same.
        """
        words = (candidate.text, int(LEASE_S * 1000), int(may_take), candidate.place, FREE)
        holder, left_ms, is_new = self._link.script(_CLAIM, ("lease",), *words)
        is_mine = holder == candidate.text
        return Held(holder=holder, expires_s=max(0, left_ms) / 1000, is_mine=is_mine, is_new=bool(is_new))

    def release(self, candidate: Candidate) -> None:
        """Lets another controller take the lease at once, if this one has it.

        Raises:
            StateError: Redis did not answer; the lease runs out.
        """
        self._link.script(_RELEASE, ("lease",), candidate.text, FREE)

    def key(self, name: str) -> str:
        """The whole name of a key, as people would delete it."""
        return self._link.key(name)

    def mirror(self, candidate: Candidate, key: str, entry: Mirrored, text: str) -> bool:
        """Keeps a copy of a document's file; False when the lease is another's or a newer one is there.

        Raises:
            StateError: Redis did not answer; it may hold the copy all the same.
        """
        words = (candidate.text, entry.number, entry.digest, entry.writer, text)
        return bool(self._link.script(_MIRROR, ("lease", key), *words))

    def mirrored(self, key: str) -> Mirrored | None:
        """Which state of a document it holds a copy of, if any.

        Raises:
            StateError: Redis did not answer, or what it holds is not ours.
        """
        found = self._link.call(lambda: self._link.client.hmget(self._link.key(key), ["number", "digest", "writer"]))
        if None in found:
            return None
        number, digest, writer = found
        if not number.isdecimal():
            raise StateError(f"{self._link.where}: the key {self._link.key(key)} is damaged; delete it")
        return Mirrored(number=int(number), digest=digest, writer=writer)

    def mirrored_text(self, key: str) -> str:
        """The copy of a document's file; empty when it is gone.

        Raises:
            StateError: Redis did not answer.
        """
        return self._link.call(lambda: self._link.client.hget(self._link.key(key), "text")) or ""

    def controller_id(self) -> str | None:
        """The id that the provisioner's controllers share.

        Raises:
            StateError: Redis did not answer.
        """
        found: str | None = self._link.call(lambda: self._link.client.get(self._link.key("controller")))
        return found

    def share_id(self, controller: str) -> None:
        """Tells the provisioner's other controllers the id.

        Raises:
            StateError: Redis did not answer.
        """
        self._link.call(lambda: self._link.client.set(self._link.key("controller"), controller))
