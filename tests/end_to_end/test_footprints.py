"""Services are measured on real hosts; whatever happens meanwhile, nothing that was made for that is left."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.end_to_end.controlled import Controlled, left
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
HELD_MIB = 24
WEB = {"image": IMAGE, "command": ["httpd", "-f", "-p", "8000"], "ports": ["8000:8000"]}
# What it holds is written to memory, once.
HOLDER = {
    "image": IMAGE,
    "command": ["sh", "-c", f"head -c {HELD_MIB << 20} /dev/zero > /dev/shm/held; sleep 3600"],
    "shm_size": "64m",
}
QUICK = ("--run-time", "2")


@pytest.fixture
def measuring(user: User) -> User:
    """Somebody who keeps a book."""
    user.more["OZWALD_FOOTPRINT_DATA"] = "footprints.yml"
    return user


@pytest.fixture
def world(measuring: User, clean_hosts: Lab) -> Iterator[Controlled]:
    """A controller that is to measure on box1."""
    measuring.has({"web": WEB}, hosts=["box1"])
    made = Controlled(measuring, clean_hosts, ["box1"])
    measuring.more["OZWALD_API_URL"] = f"http://127.0.0.1:{made.port}"
    made.starts()
    yield made
    made.stops()


def book(user: User) -> list[dict[str, Any]]:
    path = user.folder / "footprints.yml"
    return list(yaml.safe_load(path.read_text())) if path.exists() else []


def runner_log(user: User) -> str:
    """What was done so far to measure the service."""
    return user.types("get_footprint_logs", "web").out


def is_killed_in(phase: str, user: User) -> None:
    """Starts a command and kills it as soon as a run is in that phase."""
    running = subprocess.Popen(
        [sys.executable, "-m", "ozwald", "footprint_services", "web", "--run-time", "1"],
        cwd=user.folder,
        env=user.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.split() == ["box1", "web", phase]:
            break
    running.kill()
    running.wait()
    running.stderr.close()


def statuses(user: User) -> list[str]:
    """How every run is that was ever asked for."""
    listed = user.types("footprint_services", "--list", "-o", "json")
    assert listed.code == 0, listed.err
    return [run["status"] for request in listed.document for run in request["runs"]]


def test_a_service_is_measured_beside_itself_and_nothing_is_left(measuring: User, clean_hosts: Lab) -> None:
    (measuring.folder / "pages").mkdir()
    (measuring.folder / "pages" / "index.html").write_text("hello")
    web = {**WEB, "volumes": ["models:/models", "./pages:/pages"]}
    measuring.has({"web": web, "held": {**HOLDER, "volumes": ["cache:/cache", "./pages:/pages"]}}, hosts=["box1"])
    assert measuring.types("apply", "web").code == 0

    ran = measuring.types("footprint_services", "web", "held", *QUICK)

    assert ran.code == 0, ran.err
    assert ran.out.count("measured") == 2
    usage = {one["service_name"]: one["usage"] for one in book(measuring)}
    assert HELD_MIB <= usage["held"]["memory_gb"] * 1024 < HELD_MIB + 3  # a shell and its child besides
    drawn = measuring.types("footprints", "held", "--plot", "-").out.splitlines()
    assert drawn[0] == "held on box1"
    assert drawn[1].startswith("memory, up to ")
    assert "|ready" in drawn[-2]
    assert left(clean_hosts) == []
    volumes = [one["Name"] for one in clean_hosts.hosts["box1"].engine.call("GET", "/volumes")["Volumes"]]
    assert sorted(name.partition("--")[0] for name in volumes) == ["models", "ozdata"]
    assert measuring.types("list_active_services").out.count("available") == 1
    assert measuring.types("plan").out.startswith("= keep")


def test_a_variety_is_measured_on_its_card_and_skipped_where_there_is_none(measuring: User, clean_hosts: Lab) -> None:
    measuring.has({"llm": {"image": IMAGE, "varieties": {"nvidia": None, "amdgpu": None}}}, hosts=["box1", "gpu1"])

    ran = measuring.types("footprint_services", "llm", "--host", "gpu*", *QUICK, "-o", "json")
    named = measuring.types("footprint_services", "llm[amdgpu]")

    assert ran.code == 0, ran.err
    assert [(one["variety"], one["status"], one["host"]) for one in ran.document["runs"]] == [
        ("nvidia", "measured", "gpu1"),
        ("amdgpu", "skipped", None),
    ]
    [entry] = book(measuring)
    assert (entry["cards"], entry["vram_source"]) == (["Tesla T4"], "processes")
    assert named.code == 4, named.err
    assert left(clean_hosts, "gpu1") == []


def test_a_script_loads_the_service_and_its_end_counts(measuring: User, clean_hosts: Lab) -> None:
    asks = {
        **WEB,
        "footprint": {"run-time": "1s", "run-script": 'wget -qO said "http://$$OZWALD_ENDPOINT/etc/passwd"'},
    }
    fails = {**WEB, "footprint": {"run-time": "0s", "run-script": {"in-container": "echo no answer; exit 3"}}}
    measuring.has({"asks": asks, "fails": fails}, hosts=["box1"])

    ran = measuring.types("footprint_services", "asks", "fails", "-o", "json")

    assert ran.code == 1, ran.err
    assert [one["status"] for one in ran.document["runs"]] == ["measured", "failed"], ran.err
    assert "exit status 3" in ran.document["runs"][1]["reason"]
    [entry] = book(measuring)
    assert (entry["service_name"], entry["script_exit_code"]) == ("asks", 0)
    assert "root:" in (measuring.folder / "said").read_text()
    assert "no answer" in measuring.types("get_footprint_logs", "fails").out
    assert left(clean_hosts) == []


def test_what_cannot_be_started_fails_with_its_reason_and_the_queue_goes_on(measuring: User, clean_hosts: Lab) -> None:
    check = {"test": ["CMD", "false"], "interval": "200ms", "retries": 1}
    broken = {
        "gone": {"image": "lab/gone:1", "pull_policy": "never"},
        "crashes": {"image": IMAGE, "command": ["sh", "-c", "echo the model is missing; exit 7"]},
        "sick": {"image": IMAGE, "healthcheck": check},
        "web": WEB,
    }
    measuring.has(broken, hosts=["box1"])

    ran = measuring.types("footprint_services", "--all", *QUICK, "-o", "json")

    assert ran.code == 1, ran.err
    reasons = {one["service_name"]: (one["status"], one["reason"]) for one in ran.document["runs"]}
    assert reasons["web"] == ("measured", "")
    assert "lab/gone:1 is not on box1" in reasons["gone"][1]
    assert "exit code 7" in reasons["crashes"][1]
    assert "unhealthy" in reasons["sick"][1]
    assert measuring.types("get_footprint_logs", "crashes", "--log-type", "container").out == "the model is missing\n"
    assert left(clean_hosts) == []


def test_after_kills_in_every_phase_the_next_command_removes_what_is_left(measuring: User, clean_hosts: Lab) -> None:
    (measuring.folder / "pages").mkdir()
    measuring.has({"web": {**WEB, "volumes": ["models:/models", "./pages:/pages"]}}, hosts=["box1"])
    for phase in ("baseline", "pull", "start", "load", "ready", "stop"):
        is_killed_in(phase, measuring)
        request = measuring.types("footprint_services", "--list", "-o", "json").document[-1]
        assert measuring.types("footprint_services", "--cancel", request["request_id"]).code == 0

    ran = measuring.types("footprint_services", "web", "--run-time", "0", timeout_s=120)

    assert ran.code == 0, ran.err
    assert statuses(measuring) == ["cancelled"] * 6 + ["measured"]
    assert left(clean_hosts) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_other_ends_cancel_what_is_measured(
    measuring: User, clean_hosts: Lab, number: signal.Signals
) -> None:
    measuring.has({"web": WEB}, hosts=["box1"])
    running = measuring.starts("footprint_services", "web", "--run-time", "60")
    assert eventually(lambda: left(clean_hosts) != [], 30)

    running.send_signal(number)

    assert running.wait(30) == 130
    assert statuses(measuring) == ["cancelled"]
    assert (left(clean_hosts), book(measuring)) == ([], [])


def test_another_command_can_cancel_what_one_measures(measuring: User, clean_hosts: Lab) -> None:
    measuring.has({"web": WEB}, hosts=["box1"])
    running = measuring.starts("footprint_services", "web", "--run-time", "60")
    assert eventually(lambda: left(clean_hosts) != [], 30)
    [request] = measuring.types("footprint_services", "--list", "-o", "json").document

    cancelled = measuring.types("footprint_services", "--cancel", request["request_id"])

    assert cancelled.code == 0, cancelled.err
    assert running.wait(30) == 1
    assert left(clean_hosts) == []


def test_a_host_that_is_cut_off_is_measured_again_when_it_is_back(measuring: User, clean_hosts: Lab) -> None:
    measuring.has({"web": WEB}, hosts=["box1"])
    running = measuring.starts("footprint_services", "web", "--run-time", "4", "-o", "json")
    assert eventually(lambda: left(clean_hosts) != [], 30)
    box = clean_hosts.hosts["box1"]
    box.cut()
    assert eventually(lambda: "begins again" in runner_log(measuring), 40)
    box.mend()

    out, _ = running.communicate(timeout=120)

    [run] = json.loads(out)["runs"]
    assert run["status"] == "measured", run
    assert left(clean_hosts) == []


def test_a_controller_measures_what_a_command_asks_for(world: Controlled, measuring: User, clean_hosts: Lab) -> None:
    ran = measuring.types("footprint_services", "web", *QUICK, "--wait", "-o", "json")

    assert ran.code == 0, ran.err
    assert ran.document["status"] == "measured"
    assert [one["service_name"] for one in book(measuring)] == ["web"]
    kinds = [one["kind"] for one in world.ask("GET", "/srv/events/")[1]]
    assert [kind for kind in kinds if "footprint" in kind] == [
        "footprint-accepted",
        "footprint-begun",
        "footprint-measured",
    ]
    assert world.ask("GET", "/srv/services/active/")[1] == []
    assert left(clean_hosts) == []


def test_a_killed_controller_begins_again_and_removes_what_is_left(
    world: Controlled, measuring: User, clean_hosts: Lab
) -> None:
    assert measuring.types("footprint_services", "web", "--run-time", "2").code == 0
    assert eventually(lambda: left(clean_hosts) != [], 30)

    world.is_killed()
    world.starts()

    assert eventually(lambda: statuses(measuring) == ["measured"], 60)
    [request] = world.ask("GET", "/srv/services/footprint")[1]
    assert request["runs"][0]["attempts"] == 2
    assert eventually(lambda: left(clean_hosts) == [], 10)


def test_a_controller_that_stops_leaves_nothing_and_goes_on_later(
    world: Controlled, measuring: User, clean_hosts: Lab
) -> None:
    assert measuring.types("footprint_services", "web", "--run-time", "2").code == 0
    assert eventually(lambda: left(clean_hosts) != [], 30)

    took_s = world.stops()

    assert took_s < 20
    assert left(clean_hosts) == []
    world.starts()
    assert eventually(lambda: statuses(measuring) == ["measured"], 60)


def test_a_request_of_a_controller_can_be_cancelled(world: Controlled, measuring: User, clean_hosts: Lab) -> None:
    asked = measuring.types("footprint_services", "web", "--run-time", "60", "-o", "json")
    assert eventually(lambda: left(clean_hosts) != [], 30)

    cancelled = measuring.types("footprint_services", "--cancel", asked.document["request_id"])

    assert cancelled.code == 0, cancelled.err
    assert eventually(lambda: statuses(measuring) == ["cancelled"], 30)
    assert left(clean_hosts) == []
