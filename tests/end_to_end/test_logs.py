"""`get_service_logs`: what services write, read and followed on real hosts."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.host import Host
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
SLOW_IMAGE = "lab/busybox:1"  # counts as available after three seconds: the script has ended by then
WAIT_S = 20.0


def says(script: str, **more: object) -> dict[str, object]:
    """A service that runs a script and then waits."""
    return {"image": IMAGE, "command": ["sh", "-c", f"{script}; exec sleep 3600"], "stop_grace_period": "0s", **more}


def connections(host: Host) -> str:
    """The processes of sshd that serve somebody."""
    return host.shell("ps -eo args | grep '[s]shd: ' | grep -v listener").stdout


class Follower:
    """A running `get_service_logs --follow` and the lines it has shown."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.lines: list[str] = []
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._rest = b""

    def shows(self, text: str) -> bool:
        """Whether a line with this text has been shown by now or is soon."""
        return eventually(lambda: any(text in line for line in self._read()))

    def _read(self) -> list[str]:
        assert self.process.stdout is not None
        content = self.process.stdout.read()
        *lines, self._rest = (self._rest + (content or b"")).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return self.lines


@contextmanager
def following(user: User, *words: str) -> Iterator[Follower]:
    process = user.starts("get_service_logs", "--follow", *words)
    try:
        yield Follower(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_one_instance_is_shown_byte_for_byte(user: User) -> None:
    user.has({"talk": says(r"printf 'a\303\251\000\033[1m\r\n'; echo err >&2; printf end")}, hosts=["box1"])
    user.types("apply", "talk")

    shown = user.types("get_service_logs", "talk").raw_out
    assert sorted(shown.splitlines(keepends=True)) == [b"a\xc3\xa9\x00\x1b[1m\r\n", b"err\n"]


def test_several_instances_on_several_hosts_are_merged_by_time(user: User) -> None:
    script = "for i in 1 2 3; do echo $$NAME $$i; sleep 0.1; done"
    services = {name: says(script, environment={"NAME": name}) for name in ("one", "two")}
    user.has(services, hosts=["box1", "box2"])
    user.types("apply", "one@box1", "two@box2")

    ran = user.types("get_service_logs", "--all", "--timestamps")

    assert ran.code == 0
    moments = [line.split(" ")[2] for line in ran.out.splitlines()]
    assert len(moments) == 6
    assert moments == sorted(moments)
    assert {line.split(" | ")[0] for line in ran.out.splitlines()} == {"one", "two"}
    assert user.types("get_service_logs", "two", "one", "--last", "1").out.count("3\n") == 2


def test_json_tells_time_instance_host_and_stream(user: User) -> None:
    user.has({"talk": says(r"echo out; sleep 0.1; echo err >&2; sleep 0.1; printf '\033[1m\n'")}, hosts=["box1"])
    user.types("apply", "talk")

    first, second, third = map(json.loads, user.types("get_service_logs", "talk", "-o", "json").out.splitlines())

    assert (first["instance"], first["host"], first["stream"], first["text"]) == ("talk", "box1", "stdout", "out")
    assert (second["stream"], second["text"], second["partial"]) == ("stderr", "err", False)
    assert third["text"] == "\x1b[1m"
    assert first["time"] < second["time"] < third["time"]


def test_since_takes_a_moment_and_a_duration(user: User) -> None:
    user.has({"talk": says("echo early; sleep 1.5; echo late", image=SLOW_IMAGE)}, hosts=["box1"])
    user.types("apply", "talk")
    lines = [json.loads(line) for line in user.types("get_service_logs", "talk", "-o", "json").out.splitlines()]

    assert user.types("get_service_logs", "talk", "--since", lines[1]["time"]).out == "late\n"
    assert user.types("get_service_logs", "talk", "--since", "1h").out == "early\nlate\n"
    time.sleep(1.1)
    assert user.types("get_service_logs", "talk", "--since", "1s").out == ""
    ran = user.types("get_service_logs", "talk", "--since", "yesterday")
    assert (ran.code, "10m" in ran.err) == (2, True)


def test_a_host_that_does_not_answer_is_named_and_the_others_are_shown(user: User, clean_hosts: Lab) -> None:
    user.has({"one": says("echo 1"), "two": says("echo 2")}, hosts=["box1", "box2"])
    user.types("apply", "one@box1", "two@box2")
    clean_hosts.hosts["box2"].stop_sshd()
    try:
        both = user.types("get_service_logs", "one", "two")
        one = user.types("get_service_logs", "one")
    finally:
        clean_hosts.hosts["box2"].start_sshd()

    assert (both.code, both.out) == (1, "one | 1\n")
    assert "unreachable: box2" in both.err
    assert (one.code, one.out, one.err) == (0, "1\n", "")


def test_following_goes_on_through_a_restart_and_a_replacement(user: User, clean_hosts: Lab) -> None:
    engine = clean_hosts.hosts["box1"].engine
    user.has({"talk": says("echo first")}, hosts=["box1"])
    user.types("apply", "talk")
    with following(user, "talk") as follower:
        assert follower.shows("first")
        engine.call("POST", "/containers/ozsvc--default--talk/restart?t=0")
        assert eventually(lambda: follower._read() == ["first", "first"])
        user.has({"talk": says("echo second")}, hosts=["box1"])
        user.types("apply", "talk")
        assert follower.shows("second")

        assert follower.lines == ["first", "first", "second"]
        assert follower.process.poll() is None


def test_following_ends_when_the_instance_is_removed(user: User) -> None:
    user.has({"talk": says("echo first"), "idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "talk")
    with following(user, "talk") as follower:
        assert follower.shows("first")
        user.types("apply", "idle")

        assert follower.process.wait(WAIT_S) == 0


def test_ctrl_c_ends_following_and_leaves_nothing_behind(user: User, clean_hosts: Lab) -> None:
    host = clean_hosts.hosts["box1"]
    user.has({"talk": says("while :; do echo tick; sleep 0.1; done")}, hosts=["box1"])
    user.types("apply", "talk")
    with following(user, "talk") as follower:
        assert follower.shows("tick")
        assert connections(host)
        follower.process.send_signal(signal.SIGINT)
        started = time.monotonic()

        assert follower.process.wait(WAIT_S) == 130
        assert time.monotonic() - started < 3
    assert eventually(lambda: not connections(host))


def test_following_goes_on_when_the_connection_comes_back(user: User, clean_hosts: Lab) -> None:
    host = clean_hosts.hosts["box1"]
    user.has({"talk": says("i=0; while :; do i=$$((i+1)); echo line $$i; sleep 0.2; done")}, hosts=["box1"])
    user.types("apply", "talk")
    with following(user, "talk") as follower:
        assert follower.shows("line 1")
        host.stop_sshd()
        time.sleep(1)
        host.start_sshd()
        shown = len(follower._read())
        assert eventually(lambda: len(follower._read()) > shown + 3)

        assert follower.lines == [f"line {number}" for number in range(1, len(follower.lines) + 1)]


def test_a_line_is_shown_within_a_moment_of_being_written(user: User, clean_hosts: Lab) -> None:
    repeats = "mkfifo /tmp/in; exec 3<>/tmp/in; while read line <&3; do echo $$line; done"
    user.has({"one": says(repeats), "two": says("echo here")}, hosts=["box1", "box2"])
    user.types("apply", "one@box1", "two@box2")
    with following(user, "one", "two") as follower:
        assert follower.shows("two | here")
        took = []
        for number in range(3):
            started = time.monotonic()
            user.types("exec", "one", "--", "sh", "-c", f"echo said {number} >/tmp/in")
            told = time.monotonic()
            assert follower.shows(f"one | said {number}")
            took.append(time.monotonic() - told)
            assert time.monotonic() - started < WAIT_S

    assert min(took) < 0.5


def test_a_line_without_end_fills_no_memory(user: User, clean_hosts: Lab) -> None:
    user.has({"flood": says("head -c 30000000 /dev/zero | tr '\\\\0' x", image=SLOW_IMAGE)}, hosts=["box1"])
    user.types("apply", "flood")
    running = user.starts("get_service_logs", "flood", "--output", "json")
    assert running.stdout is not None
    count, peak = 0, 0
    for line in running.stdout:
        count += len(json.loads(line)["text"])
        peak = max(peak, _resident(running.pid))
    assert running.wait() == 0

    assert count > 25_000_000
    assert peak < 100 << 20


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096
