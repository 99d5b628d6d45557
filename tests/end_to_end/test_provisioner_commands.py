"""The provisioner's commands as a user types them, against real hosts."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.controlled import IDLE, KEY, free_port
from tests.end_to_end.relay import relay
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

BROKEN = {"image": "lab/busybox:1", "pull_policy": "never", "command": ["/bin/no-such-program"]}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def keeper(user: User) -> Iterator[User]:
    """A user with a key, whose provisioner is stopped at the end."""
    user.more |= {"OZWALD_SYSTEM_KEY": KEY, "OZWALD_FOOTPRINT_DATA": "footprints.yml"}
    yield user
    user.types("stop_provisioner")


def start(user: User, port: int) -> None:
    ran = user.types("start_provisioner", "--listen", f"127.0.0.1:{port}")
    assert ran.code == 0, ran.err
    assert f"listens on http://127.0.0.1:{port}" in ran.out


def pid_of(user: User) -> int:
    return int(json.loads(next((user.folder / "state" / "run").glob("*.json")).read_text())["pid"])


class TestStarting:
    def test_each_thing_that_is_missing_is_named_with_how_to_set_it(self, user: User) -> None:
        user.has({"idle": IDLE}, hosts=["box1"])
        two = json.loads((user.folder / "settings.yml").read_text())
        two["provisioners"] = [{"name": "a", "host": "box1"}, {"name": "b", "host": "box1"}]
        (user.folder / "settings.yml").write_text(json.dumps(two))

        ran = user.types("start_provisioner")

        assert ran.code == 2
        assert "export OZWALD_SYSTEM_KEY=$(openssl rand -hex 32)" in ran.err
        assert "export OZWALD_FOOTPRINT_DATA=footprints.yml" in ran.err
        assert "set OZWALD_PROVISIONER to one of a, b" in ran.err

    @pytest.mark.parametrize(("length", "says"), [(15, "fewer than 16"), (31, "fewer than 32")])
    def test_a_weak_key_is_named_with_how_to_make_a_better_one(
        self, keeper: User, port: int, length: int, says: str
    ) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        keeper.more["OZWALD_SYSTEM_KEY"] = "k" * length

        ran = keeper.types("start_provisioner", "--listen", f"127.0.0.1:{port}")

        assert (ran.code, says in ran.err) == (2 if length < 16 else 0, True)
        assert "export OZWALD_SYSTEM_KEY=$(openssl rand -hex 32)" in ran.err

    def test_a_port_in_use_is_one_line_and_leaves_nothing(self, keeper: User) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ran = keeper.types("start_provisioner", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")

        assert ran.code == 2
        assert "Address already in use; choose another with --listen" in ran.err
        assert len(ran.err.strip().splitlines()) == 1
        assert keeper.types("status").code == 3

    def test_a_second_start_names_the_process(self, keeper: User, port: int) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        start(keeper, port)

        ran = keeper.types("start_provisioner", "--listen", "127.0.0.1:0")

        assert (ran.code, f"runs already (process {pid_of(keeper)})" in ran.err) == (5, True)

    def test_hosts_without_an_engine_are_named_and_the_exit_code_says_so(self, keeper: User, port: int) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        keeper.has_hosts([{"name": "here", "connection": "local", "docker_socket": "/nowhere/docker.sock"}])

        ran = keeper.types("start_provisioner", "--listen", f"127.0.0.1:{port}")

        assert ran.code == 3
        assert "unreachable: here: " in ran.err
        status = keeper.types("status", "-o", "json")
        assert status.code == 1
        assert [one["reachable"] for one in status.document["hosts"]] == [False]

    def test_in_the_foreground_it_logs_to_standard_error_and_tells_systemd(self, keeper: User, port: int) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        address = keeper.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(address))
            systemd.settimeout(20)
            keeper.more["NOTIFY_SOCKET"] = str(address)
            words = ["-m", "ozwald", "start_provisioner", "--foreground", "--listen", f"127.0.0.1:{port}"]
            running = subprocess.Popen(
                [sys.executable, *words],
                cwd=keeper.folder,
                env=keeper.environment,
                stderr=subprocess.PIPE,
            )
            assert systemd.recv(100) == b"READY=1"
        assert keeper.types("status").code == 0
        running.terminate()
        _, said = running.communicate(timeout=30)
        assert running.returncode == 0
        assert b"provisioner local has ended" in said
        assert not (keeper.folder / "state" / "logs" / "provisioner").exists()


class TestStopping:
    def test_after_a_kill_nothing_is_left(self, keeper: User, clean_hosts: Lab, port: int) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        start(keeper, port)
        os.kill(pid_of(keeper), signal.SIGKILL)

        assert keeper.types("stop_provisioner").code == 0

        state = keeper.folder / "state"
        assert not list(state.rglob("*.sock"))
        assert not list((state / "run").glob("*.json"))
        assert eventually(lambda: not processes_of(state))
        assert keeper.types("status").code == 3

    def test_stopping_twice_is_fine(self, keeper: User) -> None:
        keeper.has({"idle": IDLE}, hosts=["box1"])

        ran = keeper.types("stop_provisioner")

        assert (ran.code, ran.out) == (0, "provisioner local does not run\n")


def processes_of(folder: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(one.info["cmdline"] or [])]


class TestAsking:
    @pytest.fixture
    def live(self, keeper: User, clean_hosts: Lab, port: int) -> User:
        keeper.has({"idle": IDLE, "broken": BROKEN}, hosts=["box1", "box2"])
        start(keeper, port)
        return keeper

    def names(self, user: User) -> set[str]:
        return {one["name"] for one in user.types("list_active_services", "-o", "json").document}

    def test_add_remove_file_and_clear_change_what_is_wanted(self, live: User) -> None:
        wait = ("--wait", "--timeout", "30")
        assert live.types("update_services", *wait, "a[idle][one]").code == 0
        assert live.types("update_services", *wait, "--add", "b[idle][two]").code == 0
        assert self.names(live) == {"a", "b"}
        assert live.types("update_services", *wait, "--remove", "a").code == 0
        assert self.names(live) == {"b"}
        (live.folder / "wanted.yml").write_text("- c[idle][one]\n")
        assert live.types("update_services", *wait, "--file", "wanted.yml").code == 0
        assert self.names(live) == {"c"}
        cleared = live.types("update_services", *wait, "--clear", "-o", "json")
        assert (cleared.code, cleared.document["all_available"], cleared.document["wanted"]) == (0, True, [])
        assert self.names(live) == set()

    def test_a_dry_run_shows_the_plan_and_writes_nothing(self, live: User) -> None:
        ran = live.types("update_services", "--dry-run", "-o", "json", "a[idle][one]")

        assert ran.code == 0, ran.err
        assert [one["change"] for one in ran.document["changes"]] == ["added"]
        assert [one["action"] for one in ran.document["operations"]] == ["create"]
        assert live.types("update_services", "-o", "json", "--add", "x[idle]").document["wanted"] == ["x"]

    def test_waiting_ends_when_it_is_clear_that_one_does_not_start(self, live: User) -> None:
        ran = live.types("update_services", "--wait", "a[idle][one]", "bad[broken]", timeout_s=120)

        assert ran.code == 1
        assert "default:bad" in ran.err
        assert "box1  a  done" in ran.err or "box2  a  done" in ran.err

    def test_apply_has_the_controller_do_it_and_waits(self, live: User, clean_hosts: Lab) -> None:
        ran = live.types("apply", "a[idle][one]@box1")

        assert ran.code == 0, ran.err
        assert "all are available" in ran.out
        container = clean_hosts.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--a/json")
        assert container["State"]["Running"]
        refused = live.types("apply", "--pull", "always", "a[idle][one]@box1")
        assert (refused.code, "leave out --pull" in refused.err) == (2, True)

    def test_listings_say_whom_they_have_asked(self, live: User) -> None:
        for command in ("list_active_services", "show_host_resources"):
            assert "asked the controller of provisioner local" in live.types(command).err
        assert live.types("stop_provisioner").code == 0
        for command in ("list_active_services", "show_host_resources"):
            assert "asked the hosts: provisioner local does not run" in live.types(command).err

    def test_exec_works_beside_the_controller(self, live: User) -> None:
        assert live.types("apply", "a[idle][one]").code == 0

        assert live.types("exec", "a", "--", "true").code == 0

    def test_a_restart_is_done_by_the_controller_and_waited_for(self, live: User, clean_hosts: Lab) -> None:
        assert live.types("apply", "a[idle][one]@box1").code == 0
        box = clean_hosts.hosts["box1"].engine
        before = box.call("GET", "/containers/ozsvc--default--a/json")

        ran = live.types("restart", "a")

        assert (ran.code, "all are available" in ran.out) == (0, True), ran.out + ran.err
        now = box.call("GET", "/containers/ozsvc--default--a/json")
        assert now["Id"] == before["Id"]
        assert now["State"]["StartedAt"] > before["State"]["StartedAt"]
        [asked] = live.types("history", "-n", "1", "-o", "json").document
        assert asked["command"].endswith("restart a")
        unknown = live.types("restart", "b")
        assert (unknown.code, "no wanted instance 'b'" in unknown.err) == (2, True), unknown.err

    def test_what_another_controller_left_is_adopted_and_kept(self, live: User, clean_hosts: Lab) -> None:
        other = User(live.folder / "other", clean_hosts)
        other.has({"idle": IDLE, "broken": BROKEN}, hosts=["box1", "box2"])
        assert other.types("apply", "left[idle][one]@box1").code == 0

        ran = live.types("adopt", "left", "--yes")

        assert ran.code == 0, ran.err
        assert eventually(lambda: self.names(live) == {"left"})
        assert eventually(lambda: live.types("status").code == 0), live.types("status").out

    def test_a_wrong_key_is_told(self, live: User) -> None:
        live.more["OZWALD_SYSTEM_KEY"] = "another-key-that-is-long-enough-too"
        ran = live.types("update_services", "a[idle][one]")
        live.more["OZWALD_SYSTEM_KEY"] = KEY

        assert (ran.code, "refuses OZWALD_SYSTEM_KEY" in ran.err) == (2, True)


def test_a_provisioner_on_another_machine_is_reached_through_ssh(keeper: User, clean_hosts: Lab, port: int) -> None:
    """The one that runs here stands for it: box1's loopback shows it by a relay in that host's network."""
    keeper.has({"idle": IDLE}, hosts=["box1", "box2"])
    start(keeper, port)
    other = User(keeper.folder / "elsewhere", clean_hosts)
    other.more["OZWALD_SYSTEM_KEY"] = KEY
    other.has({"idle": IDLE}, hosts=["box1", "box2"])
    document: dict[str, Any] = json.loads((other.folder / "settings.yml").read_text())
    document["provisioners"] = [{"name": "local", "host": "box1"}]
    (other.folder / "settings.yml").write_text(json.dumps(document))

    silent = other.types("update_services", "a[idle][one]")
    assert (silent.code, "box1 has no trace of it; if it runs" in silent.err) == (3, True), silent.err
    told = json.loads((keeper.folder / "state" / "run" / "local.json").read_text())
    its_own = json.dumps(told | {"url": "http://0.0.0.0:8765"})
    folder = "$HOME/.local/state/ozwald/run"
    assert (
        other.types("run", "box1", "--shell", f"mkdir -p {folder} && echo '{its_own}' > {folder}/local.json").code == 0
    )
    gone = other.types("update_services", "a[idle][one]")
    assert (gone.code, "nobody answers on 127.0.0.1:8765 of box1" in gone.err) == (3, True), gone.err
    with relay(clean_hosts.hosts["box1"].init.pid, 8765, port):
        ran = other.types("update_services", "--wait", "--timeout", "30", "a[idle][one]")
        assert ran.code == 0, ran.err
        assert "at 127.0.0.1:8765 of box1, through SSH" in other.types("list_active_services").err
        assert other.types("status").code == 0
        restarted = other.types("restart", "a")
        assert restarted.code == 0, restarted.err
        pruned = other.types("prune", "--yes")
        assert (pruned.code, pruned.out) == (0, "nothing to remove\n"), pruned.err

    document["provisioners"][0]["listen"] = "127.0.0.1:8766"
    (other.folder / "settings.yml").write_text(json.dumps(document))
    with relay(clean_hosts.hosts["box1"].init.pid, 8766, port):
        assert "at 127.0.0.1:8766 of box1" in other.types("list_active_services").err
    assert other.types("run", "box1", "--shell", f"rm -r {folder}").code == 0


class TestReloading:
    @pytest.fixture
    def live(self, keeper: User, clean_hosts: Lab, port: int) -> User:
        keeper.has({"idle": IDLE}, hosts=["box1"])
        start(keeper, port)
        return keeper

    def hosts(self, user: User) -> dict[str, bool]:
        return {one["host"]: one["reachable"] for one in user.types("status", "-o", "json").document["hosts"]}

    def test_hosts_join_and_leave_while_services_run_on(self, live: User, clean_hosts: Lab) -> None:
        assert live.types("update_services", "--wait", "--timeout", "30", "a[idle][one]").code == 0
        box = clean_hosts.hosts["box1"].engine
        before = box.call("GET", "/containers/ozsvc--default--a/json")["Id"]

        live.has_hosts([live.hosts["box1"], live.hosts["box2"]])
        ran = live.types("reload")
        assert ran.code == 0, ran.err
        assert eventually(lambda: self.hosts(live) == {"box1": True, "box2": True})
        added = live.types("update_services", "--add", "--wait", "--timeout", "30", "b[idle][one]@box2")
        assert added.code == 0, added.err
        assert live.types("update_services", "--remove", "--wait", "--timeout", "30", "b").code == 0

        live.has_hosts([live.hosts["box1"]])
        assert live.types("reload").code == 0
        assert eventually(lambda: self.hosts(live) == {"box1": True})
        assert box.call("GET", "/containers/ozsvc--default--a/json")["Id"] == before

    def test_wrong_settings_are_shown_and_the_former_stay(self, live: User) -> None:
        good = (live.folder / "settings.yml").read_text()
        (live.folder / "settings.yml").write_text(good.replace('"image"', '"imagee"'))

        ran = live.types("reload")

        assert (ran.code, "imagee" in ran.err) == (2, True), ran.err
        status = live.types("status", "-o", "json")
        assert (status.code, status.document["status"]) == (1, "healthy")
        assert "imagee" in status.document["reload_problem"]
        (live.folder / "settings.yml").write_text(good)
        assert live.types("reload").code == 0
        assert live.types("status").code == 0

    def test_settings_that_do_not_know_what_is_wanted_are_refused(self, live: User) -> None:
        assert live.types("update_services", "a[idle][one]").code == 0
        live.has({"other": IDLE}, hosts=["box1"])

        ran = live.types("reload")

        assert (ran.code, "ozwald update_services --remove a" in ran.err) == (2, True), ran.err
