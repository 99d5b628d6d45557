"""Waits until a controller has made what is wanted so, and shows how that goes on."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ozwald.cli.progress import Progress
from ozwald.client import Client
from ozwald.controller.statuses import DUE
from ozwald.execution.steps import Step
from ozwald.model.plan import InstanceKey

LOOK_EVERY_S = 0.25
# What has failed is tried again after a while: for so long nothing may have changed before it counts as failed.
SETTLED_S = 10.0
# Or so many times it may have failed.
TRIES = 3
# What came of a try is seen a moment after its end.
SURE_S = 1.0

Service = Mapping[str, Any]


def wait_until(
    client: Client, generation: int, is_done: Callable[[Sequence[Service]], bool], *, timeout_s: float
) -> Sequence[Service]:
    """The services once the controller has worked on the generation and they are as they should be.

    Also when it is clear that they will not be, since nothing has changed for a while or what is missing has failed
    again and again, and when the time is over.
    """
    over, last, calm_since = time.monotonic() + timeout_s, None, time.monotonic()
    with Progress(None) as progress:
        tracker, failures = _Tracker(progress), Failures()
        while True:
            seen, services = client.generation(), client.active()
            now, is_seen = time.monotonic(), seen >= generation
            if is_seen:
                tracker.show(services)
                failures.note(services)
            state = (seen, [(key_of(one), one["host"], one["status"], is_as_wanted(one)) for one in services])
            if state != last:
                last, calm_since = state, now
            is_calm = is_seen and not any(one["status"] in ("starting", "stopping") for one in services)
            settled_s = SURE_S if failures.say_all_of(services) else SETTLED_S
            is_clear = is_calm and now - calm_since > settled_s
            is_over = now > over or is_clear
            if is_over or (is_seen and is_done(services)):
                return services
            time.sleep(LOOK_EVERY_S)


def all_available(services: Sequence[Service], wanted: Sequence[InstanceKey]) -> bool:
    """Whether these and no others are there and available; what is on a silent host may be left over there."""
    there = [one for one in services if is_as_wanted(one)]
    others = [one for one in services if not is_as_wanted(one) and not _is_left_over(one, wanted)]
    return not others and {key_of(one) for one in there} == set(wanted)


def is_as_wanted(service: Service) -> bool:
    """Whether it is available as it is wanted now: the reason of an available one says why it is not."""
    return service["status"] == "available" and not service["reason"]


def are_as_wanted(services: Sequence[Service], keys: Iterable[InstanceKey]) -> bool:
    """Whether these are there and available, whatever the others are."""
    return {key_of(one) for one in services if is_as_wanted(one)} >= set(keys)


def _is_left_over(service: Service, wanted: Sequence[InstanceKey]) -> bool:
    return service["status"] == "unreachable" and key_of(service) not in wanted


def key_of(service: Service) -> InstanceKey:
    """Which instance it is."""
    return InstanceKey(realm=service["realm"], name=service["name"])


class Failures:
    """How often each service has failed, as one look after the other shows it."""

    def __init__(self) -> None:
        self._times: Counter[InstanceKey] = Counter()
        self._failing: set[InstanceKey] = set()

    def note(self, services: Sequence[Service]) -> None:
        """Takes a look."""
        now = {key_of(one) for one in services if _has_failed(one)}
        self._times.update(now - self._failing)
        self._failing = now

    def say_all_of(self, services: Sequence[Service]) -> bool:
        """Whether all that is not as wanted has failed again and again, and is not being tried just now."""
        lacking = [one for one in services if not is_as_wanted(one)]
        return bool(lacking) and all(_has_failed(one) and self._times[key_of(one)] >= TRIES for one in lacking)


def _has_failed(service: Service) -> bool:
    """Also where the one before runs on."""
    return service["status"] == "failed" or (service["status"] == "available" and bool(service["reason"]))


class _Tracker:
    """Tells what has changed since the last look, as steps."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown: dict[tuple[InstanceKey, str], str] = {}

    def show(self, services: Sequence[Service]) -> None:
        now = {(key_of(one), one["host"] or "-"): one for one in services}
        for place, service in now.items():
            before, text = self._shown.get(place), _told(service)
            if before is None and service["reason"] == DUE:
                continue
            is_new = before is None and text == "done"
            if text != before and not is_new:
                self._tell(place, text)
            self._shown[place] = text
        for place in self._shown.keys() - now.keys():
            if self._shown.pop(place) != "done":
                self._tell(place, "done")

    def _tell(self, place: tuple[InstanceKey, str], text: str) -> None:
        key, host = place
        self._progress.report(Step(key=key, host=host, text=text, is_last=text == "done"))


def _told(service: Service) -> str:
    if is_as_wanted(service):
        return "done"
    return f"{service['status']}: {service['reason']}" if service["reason"] else str(service["status"])
