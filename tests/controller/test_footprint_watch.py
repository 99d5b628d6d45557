"""A controller measures while it leads, and only then."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ozwald.controller.charge import Charge
from ozwald.controller.footprint_watch import FootprintWatch
from ozwald.controller.journal import Journal
from ozwald.controller.leadership import NotLeading
from ozwald.controller.reporter import Reporter
from ozwald.execution.health import Interrupted
from ozwald.execution.workplace import Workplace
from ozwald.model.footprint import RunStatus
from ozwald.model.history import Author
from ozwald.model.settings import Settings
from ozwald.planning.footprint_order import Order
from ozwald.planning.footprint_runs import Choice
from ozwald.planning.situation import Situation
from ozwald.remote.fleet import Fleet
from ozwald.state.home import DataFolder
from tests.builders import definition, inventory, observation, realms, situation
from tests.waiting import eventually

WEB = definition("web")
ANN = Author(owner="ann", command="footprint_services web")


class Lead:
    """Whether this controller is the active one, as the test says."""

    is_alone = False

    def __init__(self) -> None:
        self.is_leading = True

    def check(self) -> None:
        if not self.is_leading:
            raise NotLeading("another controller is the active one")

    def doubt(self) -> str:
        return ""


class Station:
    """A watch whose hosts are made up; `measured` are the runs that were carried out."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lead, self.journal, self.measured = Lead(), Journal(), list[str]()
        self.takes_long = False
        known = inventory("box1")
        charge = Charge(
            settings=Settings(path="settings.yml", realms=realms(WEB), inventory=known),
            hosts=known.hosts,
            home=DataFolder(folder),
            provisioner="local",
            owner="root",
        )

        def measure(workplace: Workplace, order: Order, *, stop: threading.Event, **_: Any) -> None:
            self.measured.append(order.run_id)
            if self.takes_long and stop.wait(10.0):
                raise Interrupted

        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        monkeypatch.setattr(Workplace, "look", lambda workplace: _seen())
        monkeypatch.setattr(Workplace, "clear", lambda workplace, hosts, is_over: frozenset())
        monkeypatch.setattr(Workplace, "measure", measure)
        self.watch = FootprintWatch(
            charge,
            Fleet(known.hosts),
            book=folder / "footprints.yml",
            environment={},
            leadership=self.lead,  # type: ignore[arg-type]
            reporter=Reporter(self.journal),
        )

    def asks(self) -> str:
        return self.watch.desk.submit([Choice(definition=WEB)], hosts=None, run_time_s=0.0, author=ANN).request_id

    def status(self, request_id: str) -> RunStatus:
        return self.watch.desk.queue.find(request_id).status


def _seen() -> Situation:
    return situation({"box1": observation()})


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Station]:
    made = Station(tmp_path, monkeypatch)
    made.watch.start()
    yield made
    made.watch.stop()


def test_what_is_asked_for_is_measured_and_told(station: Station) -> None:
    request_id = station.asks()

    assert eventually(lambda: station.status(request_id) is RunStatus.MEASURED)
    kinds = [event.kind.value for event in station.journal._events]
    assert kinds == ["footprint-accepted", "footprint-begun", "footprint-measured"]


def test_one_that_does_not_lead_takes_nothing_and_measures_nothing(station: Station) -> None:
    station.lead.is_leading = False

    with pytest.raises(NotLeading):
        station.asks()

    assert station.measured == []


def test_a_request_waits_for_a_controller_that_leads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.controller.footprint_watch.TRY_AGAIN_S", 0.02)
    station = Station(tmp_path, monkeypatch)
    request_id = station.asks()
    station.lead.is_leading = False
    station.watch.start()
    assert station.status(request_id) is RunStatus.QUEUED

    station.lead.is_leading = True

    assert eventually(lambda: station.status(request_id) is RunStatus.MEASURED)
    station.watch.stop()


def test_one_that_was_followed_writes_nothing_of_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ozwald.controller.footprint_watch.TRY_AGAIN_S", 0.02)
    station = Station(tmp_path, monkeypatch)
    station.takes_long = True
    request_id = station.asks()
    station.watch.start()
    assert eventually(lambda: station.status(request_id) is RunStatus.RUNNING and bool(station.measured))
    queue = station.watch.desk.queue
    left = queue.stamp()

    station.lead.is_leading = False
    with queue.working(wait_s=10.0):
        assert queue.stamp() == left
    station.takes_long, station.lead.is_leading = False, True

    assert eventually(lambda: station.status(request_id) is RunStatus.MEASURED)
    assert [run.attempts for run in queue.find(request_id).runs] == [2]
    station.watch.stop()
