"""The data folder's disk: full, or the last thing the controller touches before it dies."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import ENOSPC
from typing import Any
from unittest.mock import patch

from ozwald.state import files
from tests.simulator.story import Strike
from tests.simulator.world import World

TOUCHES = ("fdopen", "fsync", "replace", "link", "unlink")


@contextmanager
def faulty_disk(world: World, strikes: Sequence[Strike]) -> Iterator[None]:
    """Lets the disk fail at its how-manieth call."""
    if not strikes:
        yield
        return
    with patch.object(files, "os", _Disk(world, {strike.at: strike for strike in strikes})):
        yield


class _Disk:
    """The module `os`, as far as `ozwald.state.files` uses it; once dead, it does nothing more."""

    def __init__(self, world: World, strikes: dict[int, Strike]) -> None:
        self._world = world
        self._strikes = strikes
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in TOUCHES:
            return real

        def call(*words: Any, **options: Any) -> Any:
            life = self._world.life
            assert life is not None
            if life.is_dead:
                life.kill()
            strike = self._strikes.pop(self._calls, None)
            self._calls += 1
            if strike is None:
                return real(*words, **options)
            self._world.say(f"data folder: #{strike.number} {strike.kind.upper()} at {name}")
            if strike.kind == "disk: full" and name != "unlink":
                raise OSError(ENOSPC, "No space left on device")
            if strike.kind == "disk: killed before":
                life.kill()
            result = real(*words, **options)
            if strike.kind == "disk: killed after":
                life.kill()
            return result

        return call
