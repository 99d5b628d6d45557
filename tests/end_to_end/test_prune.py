"""What nobody uses is removed when the user agrees, and everything of Ozwald on a host can be listed."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ozwald.state.home import DataFolder
from tests.end_to_end.controlled import KEY, free_port
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"


@pytest.fixture
def config(user: User) -> Path:
    (user.folder / "config").mkdir()
    (user.folder / "config" / "a").write_text("1\n")
    return user.folder / "config"


def has_run(user: User, config: Path) -> None:
    """Two contents of a folder were sent, a network and a named volume made, and nothing of it is used any more."""
    volumes = ["./config:/config:ro", "models:/models"]
    user.has({"idle": {"image": IMAGE, "stop_grace_period": "0s", "volumes": volumes}}, hosts=["box1", "box2"])
    assert user.types("apply", "a[idle]@box1").code == 0
    (config / "a").write_text("22\n")
    assert user.types("apply", "a[idle]@box1").code == 0
    assert user.types("apply", "b[idle]@box2").code == 0


def volumes(lab: Lab, host: str = "box1") -> list[str]:
    return sorted(volume["Name"] for volume in lab.hosts[host].engine.call("GET", "/volumes")["Volumes"] or [])


def networks(lab: Lab, host: str = "box1") -> list[str]:
    return sorted(network["Name"] for network in lab.hosts[host].engine.call("GET", "/networks"))


def kinds(document: Any, where: str = "removals") -> list[tuple[str, str]]:
    return sorted((entry["host"], entry["kind"]) for entry in document[where])


def test_it_shows_what_would_go_and_removes_it_only_when_told(user: User, clean_hosts: Lab, config: Path) -> None:
    has_run(user, config)
    before = volumes(clean_hosts)

    shown = user.types("prune")
    planned = user.types("prune", "-o", "json")

    assert (shown.code, shown.out.splitlines()[-1]) == (2, "3 to remove on 1 host, 5 B")
    assert "run this again with --yes" in shown.err
    assert (planned.code, kinds(planned.document)) == (0, [("box1", "network"), ("box1", "volume"), ("box1", "volume")])
    assert volumes(clean_hosts) == before

    done = user.types("prune", "--yes")

    assert (done.code, done.out.splitlines()[-1]) == (0, "done: 3 removed")
    assert volumes(clean_hosts) == ["models"]
    assert networks(clean_hosts) == ["bridge", "host", "none"]
    assert len(volumes(clean_hosts, "box2")) == 2
    assert user.types("prune", "--yes").out == "nothing to remove\n"


@pytest.mark.parametrize(("answer", "told"), [("n", "nothing was removed"), ("y", "done: 3 removed")])
def test_at_a_terminal_it_asks(user: User, clean_hosts: Lab, config: Path, answer: str, told: str) -> None:
    has_run(user, config)
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "ozwald", "prune"],
        cwd=user.folder,
        env=user.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = read_until(ours, b"remove all of it? [y/N]: ")
    with DataFolder(Path(user.environment["OZWALD_HOME"])).changing(["box1"]):
        pass  # nobody else has to wait for the answer
    os.write(ours, answer.encode() + b"\n")
    said += read_until(ours, told.encode())
    os.close(ours)

    assert told in said.decode()
    assert asking.wait(timeout=10) == 0


def read_until(terminal: int, end: bytes) -> bytes:
    said, deadline = b"", time.monotonic() + 20
    while end not in said and time.monotonic() < deadline:
        said += os.read(terminal, 4096)
    return said


def test_named_volumes_that_ozwald_made_go_only_with_volumes(user: User, clean_hosts: Lab, config: Path) -> None:
    has_run(user, config)
    clean_hosts.hosts["box1"].engine.call("POST", "/volumes/create", {"Name": "by-hand"})

    done = user.types("prune", "--volumes", "--yes", "-o", "json", "--limit", "box1")

    assert {entry["outcome"] for entry in done.document["removals"]} == {"removed"}
    assert volumes(clean_hosts) == ["by-hand"]


def test_what_another_controller_made_stays(user: User, clean_hosts: Lab, config: Path) -> None:
    has_run(user, config)
    before = volumes(clean_hosts), networks(clean_hosts)
    (user.folder / "state").rename(user.folder / "somebody-elses")

    done = user.types("prune", "--volumes", "--yes")

    assert done.out == "nothing to remove\n"
    assert (volumes(clean_hosts), networks(clean_hosts)) == before


@pytest.fixture
def live(user: User, config: Path) -> Iterator[User]:
    """A user whose provisioner keeps a service on box1 and one on box2, both with data that was sent."""
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    volumes = ["./config:/config:ro", "models:/models"]
    user.has({"idle": {"image": IMAGE, "stop_grace_period": "0s", "volumes": volumes}}, hosts=["box1", "box2"])
    assert user.types("start_provisioner", "--listen", f"127.0.0.1:{free_port()}").code == 0
    assert user.types("apply", "a[idle]@box1", "b[idle]@box2").code == 0
    yield user
    user.types("stop_provisioner")


def test_a_live_controller_removes_what_nobody_uses_and_nothing_else(live: User, clean_hosts: Lab) -> None:
    assert live.types("prune", "--volumes", "--yes").out == "nothing to remove\n"
    assert live.types("update_services", "--wait", "--remove", "a").code == 0

    planned = live.types("prune", "-o", "json")
    done = live.types("prune", "--yes")

    assert (planned.code, kinds(planned.document)) == (0, [("box1", "network"), ("box1", "volume")])
    assert "outcome" not in planned.document["removals"][0]
    assert (done.code, done.out.splitlines()[-1]) == (0, "done: 2 removed"), done.out + done.err
    assert (volumes(clean_hosts), len(volumes(clean_hosts, "box2"))) == (["models"], 2)
    [told] = [one for one in live.types("events", "-o", "json").document if one["text"] == "prune: 2 removed"]
    assert (told["kind"], told["host"]) == ("operation-finished", "box1")
    written = live.types("prune", "--volumes", "--yes", "-o", "json")
    assert [(one["name"], one["outcome"]) for one in written.document["removals"]] == [("models", "removed")]
    assert [one["name"] for one in live.types("list_active_services", "-o", "json").document] == ["b"]


def test_residue_lists_everything_of_whichever_controller(user: User, clean_hosts: Lab, config: Path) -> None:
    has_run(user, config)
    (user.folder / "state").rename(user.folder / "somebody-elses")

    found = user.types("residue", "box*", "--detailed-exitcode", "-o", "json")

    assert found.code == 10
    assert kinds(found.document, "belongings") == [
        ("box1", "network"),
        *[("box1", "volume")] * 3,
        ("box2", "container"),
        ("box2", "network"),
        *[("box2", "volume")] * 2,
    ]
    assert {entry["owner"] for entry in found.document["belongings"]}.isdisjoint({None, found.document["controller"]})
    assert all(time.time() - entry["created_at"] < 300 for entry in found.document["belongings"])


def test_residue_of_a_clean_host_is_nothing(user: User, clean_hosts: Lab) -> None:
    user.has({}, hosts=["box1"])

    found = user.types("residue", "box1", "--detailed-exitcode")

    assert (found.code, found.out) == (0, "nothing\n")
