"""What is wanted: changed bit by bit, kept as a history, asked for again, safe from other processes and full disks."""

import copy
import json
import os
import pty
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.end_to_end.user import Ran, User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
IDLE = {"image": IMAGE, "pull_policy": "never", "profiles": {"short": {"environment": {"N": 1}}, "long": None}}
HOLD = """
import sys
from pathlib import Path
from ozwald.state.home import DataFolder
with DataFolder(Path(sys.argv[1])).changing(sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


def running(lab: Lab, *hosts: str) -> list[str]:
    return sorted(
        f"{container['Labels']['ozwald.instance']} on {host}"
        for host in hosts or ("box1", "box2")
        for container in lab.hosts[host].engine.call("GET", "/containers/json")
    )


def test_instances_are_added_and_removed_one_by_one(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    user.types("apply", "a[idle]@box1")

    added = user.types("apply", "--add", "b[idle]@box2")
    assert running(clean_hosts) == ["a on box1", "b on box2"]
    removed = user.types("apply", "--remove", "a")
    unknown = user.types("apply", "--remove", "nobody")

    assert (added.code, removed.code, unknown.code) == (0, 0, 2)
    assert running(clean_hosts) == ["b on box2"]
    assert "no wanted instance 'nobody'; known: b" in unknown.err


def test_the_history_tells_who_changed_what_and_an_old_set_comes_back(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    user.types("apply", "a[idle][short]@box1", "b[idle]@box2")
    user.types("apply", "a[idle][long]@box1")

    listed = user.types("history", "-o", "json").document
    shown = user.types("history", "2").out
    planned = user.types("plan", "--generation", "1")
    back = user.types("apply", "--generation", "1")
    latest = user.types("history", "-n", "1", "-o", "json").document

    assert [one["generation"] for one in listed] == [2, 1]
    assert listed[1]["command"] == "ozwald apply 'a[idle][short]@box1' 'b[idle]@box2'"
    assert [(one["change"], one["name"]) for one in listed[0]["changes"]] == [("changed", "a"), ("removed", "b")]
    assert "~ a: profile short -> long" in shown
    assert "2 to" not in planned.err
    assert back.code == 0, back.err
    assert running(clean_hosts) == ["a on box1", "b on box2"]
    assert [one["generation"] for one in latest] == [3]


def test_a_generation_that_is_not_kept_names_those_that_are(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])
    user.types("apply", "a[idle]")

    ran = user.types("apply", "--generation", "9")

    assert ran.code == 2
    assert "generation 9 is not kept; kept are 1 to 1" in ran.err


def test_a_lost_set_is_brought_back_from_its_history(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])
    user.types("apply", "a[idle]")
    stored = user.folder / "state" / "wanted" / "local.json"
    stored.write_text("{")

    held = user.types("apply")
    told = user.types("history", "-o", "json")
    stored.unlink()
    back = user.types("apply", "--generation", "1")

    assert held.code == 5
    assert "is damaged" in held.err
    assert [one["generation"] for one in told.document] == [1]
    assert back.code == 0, back.err
    assert json.loads(stored.read_text())["content"]["generation"] == 2
    assert running(clean_hosts, "box1") == ["a on box1"]


def test_two_applies_on_different_hosts_run_at_once_and_keep_each_others_change(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    words = [("apply", "--limit", host, f"{name}[idle]") for name, host in (("a", "box1"), ("b", "box2"))]

    applies = [user.starts(*some) for some in words]
    outputs = [apply.communicate(timeout=60)[0].decode() for apply in applies]

    assert [apply.returncode for apply in applies] == [0, 0], outputs
    assert running(clean_hosts) == ["a on box1", "b on box2"]
    assert "nothing to do" in user.types("plan").out


def holding(user: User, *hosts: str) -> "subprocess.Popen[str]":
    """Another process that changes these hosts."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(user.folder / "state"), *hosts],
        env=user.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_busy_host_is_named_with_who_is_busy_there(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    holder = holding(user, "box1")

    refused = user.types("apply", "a[idle]")
    elsewhere = user.types("apply", "--limit", "box2", "a[idle]")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    freed = user.types("apply", "a[idle]")

    assert refused.code == 5
    assert f"box1 is being changed by another ozwald (process {holder.pid})" in refused.err
    assert (elsewhere.code, freed.code) == (0, 0)


def test_who_waits_goes_on_when_the_host_is_free(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])
    holder = holding(user, "box1")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "ozwald", "apply", "--wait", "60", "a[idle]"],
        cwd=user.folder,
        env=user.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    assert f"(process {holder.pid}); waiting for it" in waiting.stderr.readline()

    holder.communicate()
    waiting.communicate(timeout=60)

    assert waiting.returncode == 0
    assert running(clean_hosts, "box1") == ["a on box1"]


def on_a_small_disk(user: User, script: str) -> Ran:
    """Runs a shell script with the data folder on a disk of 64 kB of its own, in a mount namespace of its own."""
    home = user.folder / "state"
    home.mkdir(exist_ok=True)
    ozwald = f"{sys.executable} -m ozwald"
    mount = f"mount -t tmpfs -o size=64k none {home}"
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} && {script.replace('ozwald', ozwald)}"],
        cwd=user.folder,
        env=user.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr.decode())


def test_a_full_disk_stops_an_apply_before_any_host_is_changed(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])

    ran = on_a_small_disk(
        user, "ozwald apply 'a[idle]' && cat /dev/zero >state/filler 2>/dev/null; ozwald apply --add 'b[idle]'"
    )

    assert ran.code == 5, ran.err
    assert "local.json: No space left on device" in ran.err
    assert running(clean_hosts, "box1") == ["a on box1"]


def test_a_read_only_data_folder_stops_an_apply_before_any_host_is_changed(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])

    ran = on_a_small_disk(
        user, "ozwald apply 'a[idle]' && mount -o remount,ro state && ozwald plan && ozwald apply --add 'b[idle]'"
    )

    assert ran.code == 5, ran.err
    assert "Read-only file system" in ran.err
    assert "nothing to do" in ran.out, "a plan needs no writing"
    assert running(clean_hosts, "box1") == ["a on box1"]


def another_user(user: User) -> User:
    """Somebody with the same settings and hosts, and a data folder of their own."""
    folder = user.folder / "another"
    folder.mkdir()
    for name in ("settings.yml", "ssh_config"):
        (folder / name).write_text((user.folder / name).read_text())
    (folder / "inventory").symlink_to(user.folder / "inventory")
    other = copy.copy(user)
    other.folder = folder
    return other


def test_restart_keeps_the_container_and_takes_what_follows_it_along(user: User, clean_hosts: Lab) -> None:
    follower = {**IDLE, "depends_on": {"db": {"condition": "service_started", "restart": True}}}
    user.has({"db": IDLE, "app": follower}, hosts=["box1", "box2"])
    user.types("apply", "db@box1", "app@box2")
    before = beginning_of(clean_hosts, "db"), beginning_of(clean_hosts, "app", "box2")

    ran = user.types("restart", "db", "-o", "json")
    alone = user.types("restart", "app", "-o", "json")
    unknown = user.types("restart", "nobody")
    planned = user.types("plan", "-o", "json")

    after = beginning_of(clean_hosts, "db"), beginning_of(clean_hosts, "app", "box2")
    assert ran.code == 0, ran.err
    assert [(one["name"], one["outcome"]) for one in ran.document["operations"]] == [
        ("db", "restarted"),
        ("app", "restarted"),
    ]
    assert [one["name"] for one in alone.document["operations"]] == ["app"]
    assert [one[0] for one in after] == [one[0] for one in before]
    assert all(now[1] > then[1] for now, then in zip(after, before, strict=True))
    assert unknown.code == 2
    assert {one["action"] for one in planned.document["operations"]} == {"keep"}


def test_a_replaced_dependency_restarts_what_follows_it(user: User, clean_hosts: Lab) -> None:
    follower = {**IDLE, "depends_on": {"db": {"condition": "service_started", "restart": True}}}
    user.has({"db": IDLE, "app": follower}, hosts=["box1"])
    user.types("apply", "db[][short]", "app")
    before = beginning_of(clean_hosts, "app")

    ran = user.types("apply", "--add", "db[][long]")
    again = user.types("plan", "-o", "json")

    after = beginning_of(clean_hosts, "app")
    assert ran.code == 0, ran.out
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert {one["action"] for one in again.document["operations"]} == {"keep"}


def stored_set(user: User) -> Any:
    return json.loads((user.folder / "state" / "wanted" / "local.json").read_text())["content"]


def beginning_of(lab: Lab, name: str, host: str = "box1") -> tuple[str, str]:
    """An instance's container and when it was started."""
    found = lab.hosts[host].engine.call("GET", f"/containers/ozsvc--default--{name}/json")
    return found["Id"], found["State"]["StartedAt"]


def test_what_another_controller_left_is_adopted_and_runs_on(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    user.types("apply", "a[idle][short]@box1", "b[idle]@box2")
    before = beginning_of(clean_hosts, "a")
    heir = another_user(user)

    blocked = heir.types("apply", "a[idle][short]@box1")
    asked = heir.types("adopt", "a")
    adopted = heir.types("adopt", "--all", "--yes", "-o", "json")
    planned = heir.types("plan", "-o", "json")
    applied = heir.types("apply")

    assert blocked.code == 1
    assert "to take it over, ozwald adopt a" in blocked.out
    assert asked.code == 2
    assert "run this again with --yes" in asked.err
    assert adopted.code == 0, adopted.err
    assert {(one["name"], one["host"], one["adopted"]) for one in adopted.document} == {
        ("a", "box1", True),
        ("b", "box2", True),
    }
    assert {one["name"]: one["action"] for one in planned.document["operations"]} == {"a": "keep", "b": "keep"}
    assert applied.code == 0, applied.out
    assert beginning_of(clean_hosts, "a") == before


@pytest.mark.parametrize(("answer", "told", "code"), [("n", "nothing was adopted", 1), ("y", "adopted a on box1", 0)])
def test_at_a_terminal_adopt_asks(user: User, clean_hosts: Lab, answer: str, told: str, code: int) -> None:
    user.has({"idle": IDLE}, hosts=["box1"])
    user.types("apply", "a[idle]")
    heir = another_user(user)
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() + b"\n")

    ended = subprocess.run(
        [sys.executable, "-m", "ozwald", "adopt", "a"],
        cwd=heir.folder,
        env=heir.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )

    assert "adopt 1 instance? [y/N]: " in ended.stdout
    assert told in ended.stdout
    assert ended.returncode == code
    assert (heir.folder / "state").exists() == (code == 0), "who says no leaves nothing behind"


def test_what_was_adopted_is_replaced_and_stopped_as_ours(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    user.types("apply", "a[idle][short]@box1", "b[idle]@box2")
    heir = another_user(user)
    heir.types("adopt", "a", "b", "--yes")

    listed = heir.types("list_active_services", "-o", "json").document
    ran = heir.types("apply", "a[idle][long]")
    adopted = stored_set(heir)["adopted"]
    heir.types("apply")

    assert {one["name"]: one["status"] for one in listed} == {"a": "available", "b": "available"}
    assert ran.code == 0, ran.out
    assert running(clean_hosts) == ["a on box1"]
    assert len(adopted) == 2, "until they have been seen to be gone"
    assert not stored_set(heir)["adopted"]


def test_what_the_settings_do_not_know_and_what_is_not_ozwalds_is_not_adopted(user: User, clean_hosts: Lab) -> None:
    engine = clean_hosts.hosts["box1"].engine
    engine.run(IMAGE, name="ozsvc--default--theirs", Labels={"com.example": "theirs"})
    copied = {"ozwald.controller": "x", "ozwald.realm": "default", "ozwald.instance": "c", "ozwald.service": "idle"}
    engine.run(IMAGE, name="experiment", Labels=copied)
    user.has({"idle": IDLE, "old": IDLE}, hosts=["box1"])
    user.types("apply", "a[old]", "b[idle]")
    user.has({"idle": IDLE}, hosts=["box1"])
    heir = another_user(user)

    refused = heir.types("adopt", "a", "--yes")
    unknown = heir.types("adopt", "theirs", "--yes")
    the_rest = heir.types("adopt", "--all", "--yes", "-o", "json")

    assert (refused.code, unknown.code, the_rest.code) == (2, 2, 1)
    assert "a on box1 cannot be adopted: no service 'old'" in refused.err
    assert "known: a, b" in unknown.err
    assert {one["name"]: one["adopted"] for one in the_rest.document} == {"a": False, "b": True}
