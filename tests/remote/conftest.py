"""The lab whose hosts are put through faults, for all the tests that do so."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.remote import link as links
from tests.lab import Lab
from tests.remote.agent import AddKey, ssh_agent
from tests.remote.faults import ANSWER_S, FLEET, POLL_S, QUIET_S, SPENT
from tests.waiting import eventually


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory, lab_image: Path) -> Iterator[Lab]:
    with Lab.start(tmp_path_factory.mktemp("faulty") / "lab", FLEET) as running:
        for name in ("box", "cli"):
            running.hosts[name].load_image(lab_image)
        yield running
        boxes = running.hosts.values()
        # A command on a host that was lost ends by its own time limit.
        assert eventually(lambda: not any(box.shell(f"pgrep -fx '{SPENT}'").stdout for box in boxes))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "QUIET_S", QUIET_S)
    monkeypatch.setattr(links, "ANSWER_S", ANSWER_S)
    monkeypatch.setattr("ozwald.remote.transport.POLL_S", POLL_S)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AddKey]:
    """An ssh-agent of the test's own; call it with words for ssh-add."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent.sock"))

    def add(*words: str | Path) -> None:
        subprocess.run(["ssh-add", "-q", *map(str, words)], check=True, capture_output=True)

    with ssh_agent(tmp_path / "agent.sock"):
        yield add
