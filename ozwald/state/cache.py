"""The Redis of one provisioner: cache, mirror and meeting point, which may be lost at any moment."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ozwald.errors import StateError
from ozwald.model.host import Cache as CacheAddress
from ozwald.state.lease import FREE, LEASE_S, Candidate, Held

ANSWER_S = 0.5

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
local known = tonumber(redis.call('hget', KEYS[2], 'generation') or '-1')
if known > tonumber(ARGV[2]) then return 0 end
redis.call('hset', KEYS[2], 'generation', ARGV[2], 'digest', ARGV[3], 'writer', ARGV[4], 'text', ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """Which wanted set Redis holds, and the candidate's name that wrote it; `digest` tells one text from another."""

    generation: int
    digest: str
    writer: str


class Cache:
    """A provisioner's keys in one Redis. Every call is tried once, and ends within a second or so."""

    def __init__(self, client: "redis.Redis", provisioner: str, where: str) -> None:
        self._redis = client
        self._prefix = f"ozwald:{provisioner}:"
        self._where = where

    @classmethod
    def on_socket(cls, path: Path, provisioner: str) -> "Cache":
        """The embedded server's."""
        return cls(redis.Redis(unix_socket_path=str(path), **_options()), provisioner, "the embedded Redis")

    @classmethod
    def at(cls, address: CacheAddress, provisioner: str) -> "Cache":
        """The one that the settings name."""
        client = redis.Redis(
            host=address.address or "localhost",
            port=address.port,
            db=address.db,
            username=address.username or None,
            password=address.password or None,
            ssl=address.tls,
            ssl_ca_certs=address.ca_file,
            **_options(),
        )
        return cls(client, provisioner, f"Redis at {address.address}:{address.port}")

    def claim(self, candidate: Candidate, *, may_take: bool) -> Held:
        """Takes or renews the lease; one that nobody has only where that is allowed.

        Raises:
            StateError: Redis did not answer as it should; the lease may be taken all the same.
        """
        words = (candidate.text, int(LEASE_S * 1000), int(may_take), candidate.place, FREE)
        holder, left_ms, is_new = self._call(lambda: self._redis.eval(_CLAIM, 1, self._key("lease"), *words))
        is_mine = holder == candidate.text
        return Held(holder=holder, expires_s=max(0, left_ms) / 1000, is_mine=is_mine, is_new=bool(is_new))

    def release(self, candidate: Candidate) -> None:
        """Lets another controller take the lease at once, if this one has it.

        Raises:
            StateError: Redis did not answer; the lease runs out.
        """
        self._call(lambda: self._redis.eval(_RELEASE, 1, self._key("lease"), candidate.text, FREE))

    def mirror(self, candidate: Candidate, entry: Mirrored, text: str) -> bool:
        """Keeps a copy of a wanted set's file; False when the lease is another's or a newer one is there.

        Raises:
            StateError: Redis did not answer; it may hold the copy all the same.
        """
        words = (candidate.text, entry.generation, entry.digest, entry.writer, text)
        return bool(self._call(lambda: self._redis.eval(_MIRROR, 2, self._key("lease"), self._key("wanted"), *words)))

    def mirrored(self) -> Mirrored | None:
        """Which wanted set it holds a copy of, if any.

        Raises:
            StateError: Redis did not answer, or what it holds is not ours.
        """
        found = self._call(lambda: self._redis.hmget(self._key("wanted"), ["generation", "digest", "writer"]))
        if None in found:
            return None
        generation, digest, writer = found
        if not generation.isdecimal():
            raise StateError(f"{self._where}: the key {self._key('wanted')} is damaged; delete it")
        return Mirrored(generation=int(generation), digest=digest, writer=writer)

    def mirrored_text(self) -> str:
        """The copy of the wanted set's file; empty when it is gone.

        Raises:
            StateError: Redis did not answer.
        """
        return self._call(lambda: self._redis.hget(self._key("wanted"), "text")) or ""

    def controller_id(self) -> str | None:
        """The id that the provisioner's controllers share.

        Raises:
            StateError: Redis did not answer.
        """
        found: str | None = self._call(lambda: self._redis.get(self._key("controller")))
        return found

    def share_id(self, controller: str) -> None:
        """Tells the provisioner's other controllers the id.

        Raises:
            StateError: Redis did not answer.
        """
        self._call(lambda: self._redis.set(self._key("controller"), controller))

    def close(self) -> None:
        """Closes its connections."""
        self._redis.close()

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _call(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (redis.RedisError, OSError, ValueError) as err:
            raise StateError(f"{self._where} does not work: {err}{_advice(err)}") from err


def _advice(err: Exception) -> str:
    """What to do about it: the server's words first, since the package does not have a kind for each."""
    words = str(err)
    for pattern, advice in _BY_WORDS.items():
        if re.search(pattern, words):
            return f"; {advice}"
    return next((f"; {advice}" for kind, advice in _BY_KIND.items() if isinstance(err, kind)), "")


_LOGIN = "check its username and password in the settings' cache:"
_BY_WORDS = {
    "HELLO must|WRONGPASS|NOAUTH|username-password": _LOGIN,
    "maxmemory": "make room there, or raise its maxmemory",
    "read only": "name the server that takes writes in the settings' cache:",
    "MISCONF|No space left": "make room on its disk",
    "NOPERM|no permissions": "allow its user the keys ozwald:* with get, set, pttl, hget, hset, hmget and eval",
    "CERTIFICATE_VERIFY|SSL": "check tls and ca_file in the settings' cache:",
}
_BY_KIND = {
    redis.AuthenticationError: _LOGIN,
    redis.TimeoutError: "see whether it is overloaded or stopped",
    redis.ConnectionError: "see whether it runs and can be reached",
}


def _options() -> dict[str, Any]:
    """The package retries ten times by itself, which doubles what must happen once."""
    return {
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "decode_responses": True,
    }
