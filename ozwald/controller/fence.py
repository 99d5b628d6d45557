"""Keeps a controller that is not the active one any more from changing hosts, also in the middle of an operation."""

from collections.abc import Callable
from typing import Any, Final, cast

from ozwald.controller.leadership import Leadership
from ozwald.errors import EngineError, Failure
from ozwald.remote.engine import Engine

CHANGES: Final = frozenset(
    (
        *("create", "connect", "start", "stop", "remove", "rename", "update", "begin_exec", "put_archive"),
        *("pull", "ensure_network", "remove_network", "ensure_volume", "remove_volume"),
    )
)


def fenced(engine: Engine, leadership: Leadership) -> Engine:
    """The engine, whose changing calls raise EngineError while another controller is or may be the active one."""
    return cast(Engine, _Fenced(engine, leadership))


class _Fenced:
    def __init__(self, engine: Engine, leadership: Leadership) -> None:
        self._engine = engine
        self._leadership = leadership

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._guarded(found) if name in CHANGES else found

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            doubt = self._leadership.doubt()
            if doubt:
                raise EngineError(self._engine.host_name, doubt, failure=Failure.TERMINAL)
            return call(*arguments, **named)

        return guarded
