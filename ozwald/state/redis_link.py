"""The way to one provisioner's keys in one Redis, which may be lost at any moment."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ozwald.errors import StateError
from ozwald.model.host import Cache as CacheAddress

ANSWER_S = 0.5


class RedisLink:
    """Every call is tried once, and ends within a second or so. Used by one thread; `client` is the package's."""

    def __init__(self, client: "redis.Redis", provisioner: str, where: str) -> None:
        self.client = client
        self.where = where
        self._prefix = f"ozwald:{provisioner}:"

    @classmethod
    def on_socket(cls, path: Path, provisioner: str) -> "RedisLink":
        """To the embedded server."""
        return cls(redis.Redis(unix_socket_path=str(path), **_options()), provisioner, "the embedded Redis")

    @classmethod
    def at(cls, address: CacheAddress, provisioner: str) -> "RedisLink":
        """To the one that the settings name."""
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

    def key(self, name: str) -> str:
        """The provisioner's key of that name."""
        return self._prefix + name

    def call(self, work: Callable[[], Any]) -> Any:
        """Does some work with the client.

        Raises:
            StateError: Redis did not answer as it should; what it was asked may be done all the same.
        """
        try:
            return work()
        except (redis.RedisError, OSError, ValueError) as err:
            raise StateError(f"{self.where} does not work: {err}{_advice(err)}") from err

    def script(self, text: str, names: tuple[str, ...], *words: str | int) -> Any:
        """Does a script's work on the keys of these names in one step; raises StateError as `call`."""
        keys = [self.key(name) for name in names]
        return self.call(lambda: self.client.eval(text, len(keys), *keys, *words))

    def close(self) -> None:
        """Closes its connections."""
        self.client.close()


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
    "NOPERM|no permissions": "allow its user the keys ozwald:* with get, set, pttl, eval, @hash and @stream",
    "WRONGTYPE": "something else wrote there: delete the keys ozwald:* of this provisioner, and they are filled again",
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
