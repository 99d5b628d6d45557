"""The locks of the hosts that a controller keeps, taken and let go one by one as hosts join and leave."""

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ozwald.state.home import DataFolder, allow_open_files


class HostLocks:
    """All are let go at the end."""

    def __init__(self, home: DataFolder) -> None:
        self._home = home
        self._held: dict[str, ExitStack] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go(list(self._held))

    def take(self, hosts: Iterable[str]) -> list[str]:
        """Takes the locks that are not held yet, all or none of them, and returns whose they are.

        Raises:
            Busy: another process holds one.
            StateError: one cannot be opened.
        """
        wanted = sorted(set(hosts) - self._held.keys())
        allow_open_files(len(wanted) + len(self._held))
        taken: list[str] = []
        try:
            for name in wanted:
                lock = ExitStack()
                lock.enter_context(self._home.changing([name]))
                self._held[name] = lock
                taken.append(name)
        except BaseException:
            self.let_go(taken)
            raise
        return taken

    def let_go(self, hosts: Iterable[str]) -> None:
        """Another process may change these from now on."""
        for name in hosts:
            if (lock := self._held.pop(name, None)) is not None:
                lock.close()

    def keep_only(self, hosts: Iterable[str]) -> None:
        """Lets go of all others."""
        self.let_go(self._held.keys() - set(hosts))
