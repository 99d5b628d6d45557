"""The Redis of one provisioner: cache, mirror and meeting point, which may be lost at any moment."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ozwald.errors import StateError
from ozwald.model.host import Cache as CacheAddress

log = logging.getLogger(__name__)

ANSWER_S = 2.0

T = TypeVar("T")


class Cache:
    """A provisioner's keys in one Redis; every call ends within some seconds and is tried once."""

    def __init__(self, client: "redis.Redis", provisioner: str) -> None:
        self._redis = client
        self._prefix = f"ozwald:{provisioner}:"

    @classmethod
    def on_socket(cls, path: Path, provisioner: str) -> "Cache":
        """The embedded server's."""
        return cls(redis.Redis(unix_socket_path=str(path), **_options()), provisioner)

    @classmethod
    def at(cls, address: CacheAddress, provisioner: str) -> "Cache":
        """The one that the settings name."""
        client = redis.Redis(
            host=address.address or "localhost",
            port=address.port,
            db=address.db,
            password=address.password,
            **_options(),
        )
        return cls(client, provisioner)

    def problem(self) -> str:
        """Why it cannot be used, or nothing."""
        try:
            self._call(lambda: self._redis.set(f"{self._prefix}alive", "1", ex=60))
        except StateError as error:
            return str(error)
        return ""

    def mirror(self, generation: int, document: Any) -> None:
        """Keeps a copy of the wanted set for a stand-by controller.

        Raises:
            StateError: Redis did not take it.
        """
        text = json.dumps({"generation": generation, "wanted": document})
        self._call(lambda: self._redis.set(f"{self._prefix}wanted", text))

    def close(self) -> None:
        """Closes its connections."""
        self._redis.close()

    def _call(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except redis.RedisError as err:
            raise StateError(f"Redis does not work: {err}") from err


def _options() -> dict[str, Any]:
    """The package retries ten times by itself, which doubles what must happen once."""
    return {
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }
