"""`top`, once for programs and live for people."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.end_to_end.terminal import Terminal
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.standard import IMAGE, QUICK_IMAGE
from tests.waiting import eventually

pytestmark = pytest.mark.lab

MIB = 1 << 20
SCRIPTS = "pgrep -fx 'sh -s [0-9a-f]{16} .*'; pgrep -f '[n]vidia-smi.* -lms'"
CLAIM = 4096
LEAVE_SCREEN = b"\x1b[?1049l"
BURN = {"image": QUICK_IMAGE, "pull_policy": "never", "cpus": 0.2, "command": ["sh", "-c", "while :; do :; done"]}
HOLD = {
    "image": QUICK_IMAGE,
    "pull_policy": "never",
    "command": ["sh", "-c", "dd if=/dev/zero bs=100M count=1 | sleep 600"],
}
LLM = {
    "image": QUICK_IMAGE,
    "pull_policy": "never",
    "requires": {"gpus": 1},
    "varieties": {"nvidia": {}},
    "labels": {"lab.vram_mib": str(CLAIM)},
}


@pytest.fixture
def busy(user: User, clean_hosts: Lab) -> User:
    """A user whose services are at work on two hosts, beside a container of somebody else."""
    user.has({"burn": BURN, "hold": HOLD, "llm": LLM}, hosts=["box1", "gpu1", "bare"])
    applied = user.types("apply", "burn@box1", "hold@box1", "llm@gpu1", "--limit", "box1:gpu1")
    assert applied.code == 0, applied.err
    clean_hosts.hosts["box1"].engine.run(IMAGE, name="theirs")
    return user


def by_host(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["host"]: one for one in documents}


def test_programs_get_what_hosts_cards_and_services_take(busy: User) -> None:
    ran = busy.types("top", "--once", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    found = by_host(ran.document)
    burn, hold = found["box1"]["services"]
    assert (burn["name"], burn["service"], burn["realm"]) == ("burn", "burn", "default")
    assert burn["cpu_cores"] == pytest.approx(0.2, abs=0.1)
    assert hold["memory_bytes"] == pytest.approx(100 * MIB, rel=0.02)
    assert found["box1"]["others"]["count"] == 1
    assert found["box1"]["cpu_cores"] > 0
    (llm,), (card,) = found["gpu1"]["services"], found["gpu1"]["cards"]
    assert (llm["variety"], llm["vram_bytes"]) == ("nvidia", CLAIM * MIB)
    assert [(one["instance"], one["vram_bytes"]) for one in card["holders"]] == [("llm", CLAIM * MIB)]
    assert "no Docker Engine" in found["bare"]["engine_failure"]


def test_a_host_that_does_not_answer_is_said_and_the_others_are_shown(busy: User, clean_hosts: Lab) -> None:
    clean_hosts.hosts["gpu1"].cut()
    try:
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(busy.types, "top", "--once"), pool.submit(busy.types, "top", "gpu1", "-o", "json")
            table, alone = (one.result() for one in waiting)
    finally:
        clean_hosts.hosts["gpu1"].mend()

    assert table.code == 1
    assert "gpu1  no answer from" in table.out
    assert "hold" in table.out
    assert (alone.code, alone.document[0]["cpu_cores"]) == (3, None)
    assert "no answer from" in alone.document[0]["failure"]


def test_people_see_it_live_until_they_press_q(busy: User, clean_hosts: Lab) -> None:
    terminal = Terminal(busy, "top", "box1:gpu1", TERM="xterm-256color")
    terminal.read_until(b"held by llm")
    terminal.read_until(b"1 other container")
    clean_hosts.hosts["gpu1"].cut()
    try:
        terminal.read_until(b"gpu1  no sample came within 4 s")
        terminal.forget()
        terminal.read_until(b"hold")
    finally:
        clean_hosts.hosts["gpu1"].mend()
    terminal.forget()
    terminal.read_until(b"held by llm")
    terminal.types(b"q")

    assert terminal.end() == 0


def test_it_shrinks_to_the_terminal(busy: User) -> None:
    terminal = Terminal(busy, "top", "box1:gpu1", TERM="xterm-256color")
    terminal.read_until(b"held by llm")
    terminal.resize(5, 44)
    terminal.read_until(b"more lines")
    terminal.types(b"q")

    assert terminal.end() == 0


def test_ctrl_c_leaves_the_terminal_as_it_was(busy: User) -> None:
    terminal = Terminal(busy, "top", "box1", TERM="xterm-256color")
    terminal.read_until(b"hold")
    during = terminal.attributes()
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until(LEAVE_SCREEN)
    terminal.process.wait(10)

    assert terminal.process.returncode == 0
    assert terminal.attributes() != during


def test_it_ends_with_its_terminal(busy: User) -> None:
    terminal = Terminal(busy, "top", "box1", TERM="xterm-256color")
    terminal.read_until(b"hold")

    assert terminal.vanish() in (0, 1)  # it may find out while it reads or while it draws


def test_a_killed_one_leaves_nothing_on_the_hosts(busy: User, clean_hosts: Lab) -> None:
    host = clean_hosts.hosts["gpu1"]
    terminal = Terminal(busy, "top", "gpu1", TERM="xterm-256color")
    terminal.read_until(b"held by llm")
    assert host.shell(SCRIPTS).stdout
    terminal.process.kill()
    terminal.end()

    assert eventually(lambda: not host.shell(SCRIPTS).stdout, 8)
