"""The loop: looks at the hosts, compares with what is wanted, begins what closes the difference, and again."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ozwald.controller.board import Board, View
from ozwald.controller.brief import Brief
from ozwald.controller.charge import Charge
from ozwald.controller.fence import fenced
from ozwald.controller.leadership import ALONE, Leadership, NotLeading
from ozwald.controller.notice import news
from ozwald.controller.reporter import Reporter
from ozwald.controller.statuses import all_services, with_work
from ozwald.controller.troubles import Troubles
from ozwald.controller.watch import Snapshot, Watch
from ozwald.controller.work import Work
from ozwald.errors import OzwaldError, StateError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.closer import plan_closely
from ozwald.execution.crew import Crew
from ozwald.execution.health import Patience
from ozwald.execution.intent import forget_restarts
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Result, Step
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import placed_as
from ozwald.planning.situation import Situation
from ozwald.remote.fleet import Fleet
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.slates import Slates
from ozwald.state.wanted import changing_wanted, read_wanted, wanted_path, write_wanted

log = logging.getLogger(__name__)

PASS_EVERY_S = 5.0
# How long a stop may take for what is in hand: a container that does not end has ten seconds.
FINISH_S = 20.0


class Loop:
    """One provisioner's loop.

    It works by its `charge`; `work` is what it has begun. `wake` begins a pass early; `stop` ends it: what was just
    started is left as it is, a replacement in hand is finished or undone, and silent hosts are not waited for.
    """

    def __init__(
        self,
        charge: Charge,
        fleet: Fleet,
        board: Board,
        *,
        leadership: Leadership = ALONE,
        on_stored: Callable[[], None] = lambda: None,
        keep_persistent: Callable[[], None] = lambda: None,
        reporter: Reporter | None = None,
        clock: Clock = MONOTONIC,
        dice: random.Random | None = None,
        patience: Patience | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._leadership = leadership
        self._on_stored, self._keep_persistent = on_stored, keep_persistent
        self._reporter, self.charge = reporter or Reporter(), charge
        self._fleet, self._board, self._clock = fleet, board, clock
        dice = dice or random.Random()
        self._watch = watch or Watch(fleet, charge.settings.inventory, charge.hosts, dice=dice)
        self._watch.on_news = self.wake
        self.work, self._launch_logs = Work(self._done), LaunchLogs(charge.home)
        self._troubles = Troubles(dice, slates=Slates(charge.home, charge.provisioner))
        self._troubles.recall(clock.now())
        self._before: Snapshot | None = None
        self._next: tuple[Charge, Callable[[], None]] | None = None
        self._woken, self._stopped = threading.Event(), threading.Event()

    def wake(self) -> None:
        """Begins the next pass now."""
        self._woken.set()

    def stop(self) -> None:
        """Lets no further operation begin and ends the loop soon."""
        self._stopped.set()
        self._woken.set()

    def take(self, charge: Charge, *, on_taken: Callable[[], None] = lambda: None) -> None:
        """Works by other settings and hosts from the first pass on that has nothing in hand where a host leaves or
        changes; `on_taken` is called then."""
        self._next = charge, on_taken
        self.wake()

    def run(self) -> None:
        """Passes until it is stopped."""
        self._watch.start()
        while not self._stopped.is_set():
            self._woken.clear()
            self._take_next()
            if self._watch.is_complete():
                self._pass_safely()
            self._clock.wait(self._woken, self._rest_s())
        for operation in self.work.finish(FINISH_S, silent=self._watch.snapshot().silent):
            log.warning("%s: %s is left in the middle; the next start finishes it", operation.host, operation.key)
        self._watch.stop()

    def pass_once(self) -> None:
        """One pass.

        Raises:
            NotLeading: another controller is the active one; nothing is changed.
            StateError: what is wanted cannot be read: then nothing is changed.
        """
        self._leadership.check()
        charge = self.charge
        self._watch.probe_soon(self._board.take_to_probe())
        # What is wanted is read after the look: it then knows which restarts the look shows the outcome of.
        snapshot = self._watch.snapshot()
        self._keep_persistent()
        wanted = read_wanted(wanted_path(charge.home, charge.provisioner))
        controller = charge.home.controller_id()
        situation = self._watch.situation(snapshot, controller=controller)
        if wanted:
            self._leadership.check_generation(wanted.generation, situation.newest_generation(charge.provisioner))
        brief = Brief(self._fleet)
        plan = self._plan(wanted, situation, brief) if wanted else Plan(operations=())
        snapshot = replace(snapshot, held=brief.unanswered)
        if wanted:
            self._learn(plan, snapshot, situation.as_of(wanted), wanted)
            self._watch.seek_room(plan, snapshot)
            if not self._waits_for_facts(plan, wanted, snapshot) and self._has_kept_places(plan, wanted, situation):
                self._begin(plan, snapshot, situation, self._crew(wanted, controller))
        self._publish(wanted, plan, situation, snapshot)

    def _take_next(self) -> None:
        if self._next is None:
            return
        charge, on_taken = self._next
        moved = {name for name, host in self.charge.hosts.items() if charge.hosts.get(name) != host}
        if moved & self.work.hosts:
            return
        self.charge, self._next, self._before = charge, None, None
        self._fleet.take(charge.settings.inventory.hosts)
        self._watch.take(charge.settings.inventory, charge.hosts)
        for name in moved:
            self._fleet.forget(name)
        on_taken()

    def _pass_safely(self) -> None:
        try:
            self.pass_once()
        except NotLeading as error:
            seen, now = self._watch.snapshot(), self._clock.now()
            view = replace(self._board.view, at=now, hosts=seen.hosts, resources=seen.facts, problem=str(error))
            self._board.publish(view)
        except OzwaldError as error:
            log.error("nothing is changed: %s", error)
            self._board.publish(replace(self._board.view, at=self._clock.now(), problem=str(error)))
        except Exception:
            log.exception("a pass failed")
            self._board.publish(replace(self._board.view, problem="the loop failed; see the provisioner's log"))

    def _rest_s(self) -> float:
        """Until something is due: a next try, a host that will count as silent, or the timer."""
        now = self._clock.now()
        due, silent_in_s = self._troubles.next_due(now), self._watch.next_silent_in_s()
        rests = (PASS_EVERY_S, None if due is None else due - now, silent_in_s)
        return min(rest for rest in rests if rest is not None)

    def _plan(self, wanted: WantedSet, situation: Situation, brief: Brief) -> Plan:
        key = self.charge.home.fingerprint_key()
        return plan_closely(wanted, self.charge.settings.realms, situation, fleet=brief, key=key)

    def _learn(self, plan: Plan, snapshot: Snapshot, situation: Situation, wanted: WantedSet) -> None:
        """Remembers who ended, forgets what went wrong before a reboot or restart, with other settings or long ago."""
        now = self._clock.now()
        befallen = news(self._before or snapshot, snapshot, situation, worked_on_at=self._worked_on_at)
        self._before = snapshot
        owed = {one.key: one.container_id for one in wanted.restarts}
        for key, how in befallen.ended.items():
            self._troubles.ended(key, how, now)
        for operation in plan.operations:
            if operation.fingerprint:
                self._troubles.wanted_as(operation.key, operation.fingerprint + owed.get(operation.key, ""))
            if operation.key in befallen.unhealthy:
                self._troubles.turned_unhealthy(operation.key, operation.reason, now)
            if operation.host in befallen.rebooted:
                self._troubles.forget(operation.key)
            if operation.action is Action.KEEP:
                self._troubles.runs(operation.key, now)
        self._troubles.keep(now)

    def _worked_on_at(self, key: InstanceKey) -> float:
        return math.inf if key in self.work.under_way else self.work.ended_at(key)

    def _waits_for_facts(self, plan: Plan, wanted: WantedSet, snapshot: Snapshot) -> bool:
        """Whether something new is to be placed by a look at the hardware that is still to come."""
        placed_on = {one.key: one.placed_on for one in wanted.instances}
        concerned: set[str] = set()
        for operation in plan.changes:
            if operation.action is Action.CREATE and self._may_begin(operation, snapshot):
                home = placed_on.get(operation.key)
                concerned |= {home} if home == operation.host and home else self.charge.hosts.keys() - snapshot.silent
        return self._watch.owes_facts(snapshot, concerned)

    def _has_kept_places(self, plan: Plan, wanted: WantedSet, situation: Situation) -> bool:
        """Writes down where instances are placed, before anything starts; False when others are wanted now."""
        placed = placed_as(plan, wanted, situation)
        if placed == wanted:
            return True
        with changing_wanted(self.charge.home, self.charge.provisioner) as path:
            if read_wanted(path) != wanted:
                return False
            self._leadership.check()
            write_wanted(path, placed)
        self._on_stored()
        return True

    def _begin(self, plan: Plan, snapshot: Snapshot, situation: Situation, crew: Crew) -> None:
        carry_out = self._reporter.reporting(lambda operation: self._carry_out(operation, crew))
        self.work.begin(plan, carry_out, lambda operation: self._may_begin(operation, snapshot))
        for operation in plan.changes:
            if self._is_to_be_calmed(operation, snapshot, situation):
                self.work.begin_one(replace(operation, action=Action.KEEP), crew.calm)

    def _carry_out(self, operation: Operation, crew: Crew) -> Result:
        result = crew.carry_out(operation)
        if operation.action in (Action.RESTART, Action.START) and result.is_done:
            forget_restarts([result], home=self.charge.home, provisioner=self.charge.provisioner)
        return result

    def _may_begin(self, operation: Operation, snapshot: Snapshot) -> bool:
        host, is_waiting = operation.host or "", self._troubles.is_waiting(operation.key, self._clock.now())
        is_current = snapshot.is_current(host, self.work.ended_at(host))
        return is_current and not is_waiting and not self._stopped.is_set()

    def _is_to_be_calmed(self, operation: Operation, snapshot: Snapshot, situation: Situation) -> bool:
        """Whether the engine restarts a container that is left alone for now."""
        key, host = operation.key, operation.host or ""
        if operation.action is not Action.START or not self._troubles.is_waiting(key, self._clock.now()):
            return False
        is_restarted = any(
            one.state == "restarting" or (one.is_running and not one.is_unhealthy and self._troubles.is_looping(key))
            for one in situation.containers_of(key, host)
            if one.id == operation.container_id
        )
        return is_restarted and snapshot.is_current(host, self.work.ended_at(host)) and not self._stopped.is_set()

    def _crew(self, wanted: WantedSet, controller: str) -> Crew:
        charge = self.charge
        ownership = Ownership(
            provisioner=charge.provisioner, controller=controller, generation=wanted.generation, owner=charge.owner
        )
        engine_of = lambda name: fenced(self._fleet.connection(charge.hosts[name]).engine(), self._leadership)  # noqa: E731
        return Crew(engine_of, ownership, self._report, self._patience, self._stopped, self._clock, keeps_started=True)

    def _done(self, result: Result) -> None:
        operation = result.operation
        if result.error and not self._stopped.is_set() and operation.action is not Action.KEEP:
            self._troubles.failed(operation.key, result.error, self._clock.now())
            self._watch.reread_data()  # maybe it has changed since it was read
        elif operation.action is Action.STOP:
            self._troubles.forget(operation.key)
        elif operation.action is not Action.KEEP:
            self._troubles.started(operation.key)
        self._watch.look_soon(operation.host or "")

    def _report(self, step: Step) -> None:
        if step.passing:
            return
        log.info("%s: %s: %s", step.host, step.key, step.text)
        try:
            self._launch_logs.append(step.key, f"{step.host}: {step.text}\n{step.detail}".rstrip(), at=time.time())
        except StateError as error:
            log.warning("%s", error)

    def _publish(self, wanted: WantedSet | None, plan: Plan, situation: Situation, snapshot: Snapshot) -> None:
        view = self._board.view
        services = with_work(
            all_services(wanted, situation, snapshot.last_seen),
            blocked={one.key: one.reason for one in plan.blocked},
            due={one.key: one for one in plan.changes},
            under_way=self.work.under_way,
            failures=self._troubles.reasons,
        )
        changed = (services, snapshot.hosts) != (view.services, dict(view.hosts))
        self._board.publish(
            View(
                number=view.number + changed,
                at=self._clock.now(),
                generation=wanted.generation if wanted else 0,
                services=services,
                resources=snapshot.facts,
                hosts=snapshot.hosts,
            )
        )
