"""Removes what nobody uses on hosts, each of them when nothing else is in hand there."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ozwald.controller.fence import fenced
from ozwald.controller.leadership import Leadership
from ozwald.controller.prune_desk import PruneDesk
from ozwald.controller.reporter import Reporter
from ozwald.controller.work import Work
from ozwald.errors import HostError
from ozwald.execution.gates import Occupied
from ozwald.execution.health import Interrupted
from ozwald.execution.sweep import sweep, sweepable
from ozwald.model.belongings import Belonging, Prune, Removal
from ozwald.model.host import Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet, HostResults

log = logging.getLogger(__name__)

FINISH_S: Final = 5.0
NOT_MANAGED: Final = "the provisioner does not manage this host any more"

_Found = Mapping[str, Sequence[Belonging]]


class Pruner:
    """Works on each request of its desk in a thread; `hosts` are those that the controller keeps now.

    A host's things are looked at without its gate, and removed, each after another look, inside of it: data that is
    just being sent for a container would be taken for unused.
    """

    def __init__(
        self,
        fleet: Fleet,
        work: Work,
        *,
        controller: Callable[[], str],
        hosts: Callable[[], Mapping[str, Host]],
        leadership: Leadership,
        reporter: Reporter,
    ) -> None:
        self._fleet, self._work = fleet, work
        self._controller, self._hosts = controller, hosts
        self._leadership, self._reporter = leadership, reporter
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self.desk = PruneDesk(self._begin, leadership=leadership, reporter=reporter)

    def stop(self) -> None:
        """Removes nothing more, and waits for what is being removed, but not for long."""
        self._stopped.set()
        over = time.monotonic() + FINISH_S
        for thread in self._threads:
            thread.join(max(0.0, over - time.monotonic()))

    def _begin(self, prune: Prune) -> None:
        thread = threading.Thread(target=self._run, args=(prune,), name=f"prune-{prune.prune_id}", daemon=True)
        thread.start()
        with self._lock:
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]

    def _run(self, prune: Prune) -> None:
        try:
            self._work_on(prune)
        except Exception as mistake:
            log.exception("a prune failed")
            why = f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald"
            self.desk.change(prune.prune_id, lambda now: replace(now, unreachable=dict.fromkeys(now.hosts, why)))
        finally:
            self.desk.change(prune.prune_id, lambda now: replace(now, is_ended=True))

    def _work_on(self, prune: Prune) -> None:
        found = prune.found if prune.found is not None else self._look(prune)
        if not prune.dry_run:
            self._remove(prune, {host: ones for host, ones in found.items() if ones})

    def _look(self, prune: Prune) -> _Found:
        controller, hosts = self._controller(), self._hosts()
        silent = {name: NOT_MANAGED for name in prune.hosts if name not in hosts}

        def look(connection: HostConnection) -> tuple[Belonging, ...]:
            return sweepable(connection.engine(), controller=controller, with_written=prune.with_written)

        seen: HostResults[tuple[Belonging, ...]] = self._fleet.map(
            [hosts[name] for name in prune.hosts if name in hosts], look
        )
        silent |= {host: error.message for host, error in seen.failures.items()}
        self.desk.change(prune.prune_id, lambda now: replace(now, found=seen.values, unreachable=silent))
        return seen.values

    def _remove(self, prune: Prune, found: _Found) -> None:
        """Each host in a thread of its own: one that is waited for holds up no other."""
        hosts = [threading.Thread(target=self._remove_at, args=(prune, host, found[host])) for host in found]
        for thread in hosts:
            thread.start()
        for thread in hosts:
            thread.join()

    def _remove_at(self, prune: Prune, host: str, found: Sequence[Belonging]) -> None:
        try:
            results = self._when_free(prune, host, found)
        except Occupied:
            why = f"what is in hand there has not ended in {prune.wait_s:.0f} s{self._in_hand(host)}; prune again later"
            results = _failed(found, why)
        except Interrupted:
            results = _failed(found, "the provisioner was stopped before it was removed")
        except HostError as error:
            results = _failed(found, error.message)
        except Exception as mistake:  # one host's surprise must not lose the others' results
            log.exception("%s: a prune failed", host)
            results = _failed(found, f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald")
        self._reporter.pruned(host, results)
        self._tell(prune, host, results)

    def _when_free(self, prune: Prune, host: str, found: Sequence[Belonging]) -> Sequence[Removal]:
        try:
            return self._alone(prune, host, found, within_s=0.0)
        except Occupied:
            self._tell(prune, host, waiting=f"until what is in hand there has ended{self._in_hand(host)}")
            return self._alone(prune, host, found, within_s=prune.wait_s)

    def _alone(self, prune: Prune, host: str, found: Sequence[Belonging], *, within_s: float) -> Sequence[Removal]:
        with self._work.alone_at(host, within_s=within_s, stop=self._stopped):
            self._tell(prune, host)
            self._reporter.prune_begun(host)
            return self._swept(prune, host, found)

    def _in_hand(self, host: str) -> str:
        """Which operations they are; a measuring run is none."""
        named = [f"{one.action} of {one.key}" for one in self._work.under_way.values() if one.host == host]
        return f" ({', '.join(sorted(named))})" if named else ""

    def _swept(self, prune: Prune, host: str, found: Sequence[Belonging]) -> Sequence[Removal]:
        known = self._hosts().get(host)
        if known is None:
            return _failed(found, NOT_MANAGED)
        engine = fenced(self._fleet.connection(known).engine(), self._leadership)
        return sweep(
            engine,
            tuple(found),
            controller=self._controller(),
            with_written=prune.with_written,
            goes_on=lambda: not self._stopped.is_set(),
        )

    def _tell(self, prune: Prune, host: str, results: Sequence[Removal] | None = None, *, waiting: str = "") -> None:
        def told(now: Prune) -> Prune:
            others = {name: why for name, why in now.waiting.items() if name != host}
            removed = {**now.removed, **({} if results is None else {host: tuple(results)})}
            return replace(now, waiting=others | ({host: waiting} if waiting else {}), removed=removed)

        self.desk.change(prune.prune_id, told)


def _failed(found: Sequence[Belonging], error: str) -> tuple[Removal, ...]:
    return tuple(Removal(belonging=one, error=error) for one in found)
