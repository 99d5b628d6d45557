"""The lab whose hosts are put through faults, for all the tests that do so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.remote import link as links
from tests.lab import Lab
from tests.remote.faults import ANSWER_S, FLEET, POLL_S, QUIET_S, SPENT, gone_soon


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory, lab_image: Path) -> Iterator[Lab]:
    with Lab.start(tmp_path_factory.mktemp("faulty") / "lab", FLEET) as running:
        for name in ("box", "cli"):
            running.hosts[name].load_image(lab_image)
        yield running
        boxes = running.hosts.values()
        assert gone_soon(lambda: [box.name for box in boxes if box.shell(f"pgrep -fx '{SPENT}'").stdout])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "QUIET_S", QUIET_S)
    monkeypatch.setattr(links, "ANSWER_S", ANSWER_S)
    monkeypatch.setattr("ozwald.remote.transport.POLL_S", POLL_S)
