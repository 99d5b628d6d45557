"""The loop: looks at the hosts, compares with what is wanted, begins what closes the difference, and again."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ozwald.controller.backoff import Backoff
from ozwald.controller.board import Board, View
from ozwald.controller.fence import fenced
from ozwald.controller.leadership import ALONE, Leadership, NotLeading
from ozwald.controller.statuses import with_work
from ozwald.controller.watch import Watch
from ozwald.controller.work import Work
from ozwald.errors import OzwaldError, StateError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.closer import plan_closely
from ozwald.execution.crew import Crew
from ozwald.execution.health import Patience
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Result, Step
from ozwald.model.active import ActiveService, Status
from ozwald.model.host import Host
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.model.resources import HostResources
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.active import active_services
from ozwald.planning.planner import placed_as
from ozwald.planning.situation import Situation
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from ozwald.state.home import DataFolder
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.wanted import changing_wanted, read_wanted, wanted_path, write_wanted

log = logging.getLogger(__name__)

PASS_EVERY_S = 5.0
# Hardware is looked at again before something new is placed, unless it was just now.
FRESH_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one controller is in charge of."""

    settings: Settings
    hosts: Mapping[str, Host]
    home: DataFolder
    provisioner: str
    owner: str


class Loop:
    """One provisioner's loop. `wake` begins a pass early; `stop` ends it and what is in hand is finished or undone."""

    def __init__(
        self,
        charge: Charge,
        fleet: Fleet,
        board: Board,
        *,
        leadership: Leadership = ALONE,
        on_stored: Callable[[], None] = lambda: None,
        clock: Clock = MONOTONIC,
        dice: random.Random | None = None,
        patience: Patience | None = None,
        probe: Callable[[HostConnection], HostResources] = probe,
    ) -> None:
        self._patience = patience or Patience()
        self._leadership = leadership
        self._on_stored = on_stored
        self._charge = charge
        self._fleet = fleet
        self._board = board
        self._clock = clock
        self._watch = Watch(fleet, charge.settings.inventory, charge.hosts, probe=probe)
        self._work = Work(self._done)
        self._backoff = Backoff(dice or random.Random())
        self._failures: dict[InstanceKey, str] = {}
        self._launch_logs = LaunchLogs(charge.home)
        self._woken, self._stopped = threading.Event(), threading.Event()

    def wake(self) -> None:
        """Begins the next pass now."""
        self._woken.set()

    def stop(self) -> None:
        """Lets no further operation begin and ends the loop after those in hand."""
        self._stopped.set()
        self._woken.set()

    def run(self) -> None:
        """Passes until it is stopped."""
        while not self._stopped.is_set():
            self._woken.clear()
            self._pass_safely()
            self._clock.wait(self._woken, self._rest_s())
        self._work.finish()

    def pass_once(self) -> None:
        """One pass.

        Raises:
            NotLeading: another controller is the active one; nothing is looked at.
            StateError: what is wanted cannot be read: then nothing is changed.
        """
        self._leadership.check()
        charge = self._charge
        wanted = read_wanted(wanted_path(charge.home, charge.provisioner))
        controller = charge.home.controller_id()
        self._watch.forget_facts(self._board.take_to_probe())
        situation = self._watch.look(controller=controller)
        if wanted:
            self._leadership.check_generation(wanted.generation, situation.newest_generation(charge.provisioner))
        plan = self._plan(wanted, situation) if wanted else Plan(operations=())
        if wanted and self._is_placing_on_old_facts(plan):
            self._watch.forget_facts(charge.hosts)
            situation = self._watch.look(controller=controller)
            plan = self._plan(wanted, situation)
        if wanted:
            self._settle(plan)
            self._keep_places(plan, wanted, situation)
            self._work.begin(plan, self._crew(wanted, controller), self._is_due)
        self._publish(wanted, plan, situation)

    def _pass_safely(self) -> None:
        try:
            self.pass_once()
        except NotLeading as error:
            self._board.publish(replace(self._board.view, at=self._clock.now(), problem=str(error)))
        except StateError as error:
            log.error("%s", error)
            self._board.publish(replace(self._board.view, at=self._clock.now(), problem=str(error)))
        except OzwaldError as error:
            log.error("nothing is changed: %s", error)
            self._board.publish(replace(self._board.view, at=self._clock.now(), problem=str(error)))
        except Exception:
            log.exception("a pass failed")
            self._board.publish(replace(self._board.view, problem="the loop failed; see the provisioner's log"))

    def _rest_s(self) -> float:
        now = self._clock.now()
        due = self._backoff.next_due(now)
        return PASS_EVERY_S if due is None else max(0.0, min(PASS_EVERY_S, due - now))

    def _plan(self, wanted: WantedSet, situation: Situation) -> Plan:
        key = self._charge.home.fingerprint_key()
        return plan_closely(wanted, self._charge.settings.realms, situation, fleet=self._fleet, key=key)

    def _is_placing_on_old_facts(self, plan: Plan) -> bool:
        now = time.time()
        is_new = any(operation.action is Action.CREATE for operation in plan.operations)
        return is_new and any(now - facts.observed_at > FRESH_S for facts in self._watch.facts.values())

    def _settle(self, plan: Plan) -> None:
        """What is as wanted has no failures any more."""
        for operation in plan.operations:
            if operation.action is Action.KEEP:
                self._backoff.worked(operation.key)
                self._failures.pop(operation.key, None)

    def _keep_places(self, plan: Plan, wanted: WantedSet, situation: Situation) -> None:
        """Writes down where instances are placed, before anything is started there."""
        placed = placed_as(plan, wanted, situation)
        if placed == wanted:
            return
        with changing_wanted(self._charge.home, self._charge.provisioner) as path:
            if read_wanted(path) == wanted:
                self._leadership.check()
                write_wanted(path, placed)
        self._on_stored()

    def _is_due(self, operation: Operation) -> bool:
        return not self._stopped.is_set() and not self._backoff.is_waiting(operation.key, self._clock.now())

    def _crew(self, wanted: WantedSet, controller: str) -> Crew:
        charge = self._charge
        ownership = Ownership(
            provisioner=charge.provisioner, controller=controller, generation=wanted.generation, owner=charge.owner
        )
        engine_of = lambda name: fenced(self._fleet.connection(charge.hosts[name]).engine(), self._leadership)  # noqa: E731
        return Crew(engine_of, ownership, self._report, self._patience, self._stopped, self._clock)

    def _done(self, result: Result) -> None:
        key = result.operation.key
        if result.error:
            wait_s = self._backoff.failed(key, self._clock.now())
            self._failures[key] = f"{result.error} (tried again in {wait_s:.0f} s)"
        else:
            self._backoff.worked(key)
            self._failures.pop(key, None)
        self.wake()

    def _report(self, step: Step) -> None:
        if step.passing:
            return
        log.info("%s: %s: %s", step.host, step.key, step.text)
        try:
            self._launch_logs.append(step.key, f"{step.host}: {step.text}\n{step.detail}".rstrip(), at=time.time())
        except StateError as error:
            log.warning("%s", error)

    def _publish(self, wanted: WantedSet | None, plan: Plan, situation: Situation) -> None:
        view = self._board.view
        services = with_work(
            [*active_services(wanted, situation), *self._on_silent_hosts(wanted, situation)],
            blocked={one.key: one.reason for one in plan.blocked},
            under_way=self._work.under_way,
            failures=dict(self._failures),
        )
        hosts = {name: situation.unreachable.get(name, "") for name in self._charge.hosts}
        changed = (services, hosts) != (view.services, dict(view.hosts))
        self._board.publish(
            View(
                number=view.number + changed,
                at=self._clock.now(),
                generation=wanted.generation if wanted else 0,
                services=services,
                resources=dict(self._watch.facts),
                hosts=hosts,
            )
        )

    def _on_silent_hosts(self, wanted: WantedSet | None, situation: Situation) -> list[ActiveService]:
        """What was last seen on hosts that do not answer now; nothing there is lost."""
        silent = {name: seen for name, seen in self._watch.last_seen.items() if name in situation.unreachable}
        before = replace(situation, observations=silent, unreachable={})
        told = {one.key for one in active_services(wanted, situation)}
        return [
            replace(one, status=Status.UNREACHABLE, reason=f"{one.host} does not answer")
            for one in active_services(None, before)
            if one.key not in told
        ]
