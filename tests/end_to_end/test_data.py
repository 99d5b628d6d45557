"""The controller's own files reach services on remote hosts, as they are, and again when they change."""

import hashlib
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
ROUNDS = max(2, int(os.environ.get("OZWALD_SOAK", "0")) // 50)
CONTAINER = "ozsvc--default--show"


@pytest.fixture
def config(user: User) -> Path:
    """A folder beside the settings with a script in a folder, a private file, a link and an odd name."""
    config = user.folder / "config"
    (config / "in").mkdir(parents=True)
    (config / "in" / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (config / "in" / "run.sh").chmod(0o755)
    (config / "secret").write_text("s\n")
    (config / "secret").chmod(0o600)
    (config / "latest").symlink_to("in/run.sh")
    Path(os.fsdecode(os.fsencode(config) + b"/\xff")).write_text("odd\n")
    return config


def showing(user: User, *volumes: str, **more: object) -> None:
    """Settings with a service `show` that prints what it was given, every second."""
    look = "while true; do ls -lnR /config; cat /config/secret /etc/app/one.conf; /config/latest; sleep 1; done 2>&1"
    body = {"image": IMAGE, "command": ["sh", "-c", look], "volumes": list(volumes), "stop_grace_period": "0s", **more}
    user.has({"show": body}, hosts=["box1", "box2"])


def printed(lab: Lab, what: str, host: str = "box1") -> str:
    """What the container has printed, once it holds a text."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        log = str(lab.hosts[host].engine.call("GET", f"/containers/{CONTAINER}/logs?stdout=1&stderr=1"))
        if what in log:
            return log
        time.sleep(0.1)
    raise AssertionError(f"no {what!r} in {log!r}")


def inspect(lab: Lab, host: str = "box1") -> Any:
    return lab.hosts[host].engine.call("GET", f"/containers/{CONTAINER}/json")


def volumes(lab: Lab, host: str = "box1") -> list[str]:
    return sorted(volume["Name"] for volume in lab.hosts[host].engine.call("GET", "/volumes")["Volumes"] or [])


def names(lab: Lab, host: str = "box1") -> list[str]:
    return sorted(container["Names"][0] for container in lab.hosts[host].engine.call("GET", "/containers/json?all=1"))


def test_a_folder_arrives_as_it_is(user: User, clean_hosts: Lab, config: Path) -> None:
    showing(user, "./config:/config:ro")

    ran = user.types("apply", "show@box1")

    assert ran.code == 0, ran.err
    log = printed(clean_hosts, "ran\n")
    assert "-rwxr-xr-x    1 0        0" in log
    assert "-rw-------    1 0        0" in log
    assert "latest -> in/run.sh" in log
    assert names(clean_hosts) == [f"/{CONTAINER}"]
    [mount] = inspect(clean_hosts)["Mounts"]
    assert (mount["Name"], mount["RW"]) == (volumes(clean_hosts)[0], False)


def test_a_single_file_is_in_the_container_before_it_starts(user: User, clean_hosts: Lab, config: Path) -> None:
    (user.folder / "one.conf").write_text("one = 1\n")
    showing(user, "./config:/config:ro", "./one.conf:/etc/app/one.conf:ro")

    ran = user.types("apply", "show@box1")

    assert ran.code == 0, ran.err
    assert "can't open" not in printed(clean_hosts, "one = 1\n")


def test_a_file_under_a_link_of_the_image_is_put_where_it_leads(user: User, clean_hosts: Lab, config: Path) -> None:
    (user.folder / "one.conf").write_text("one = 1\n")
    showing(user, "./one.conf:/bin/../etc/app/one.conf")

    assert user.types("apply", "show@box1").code == 0
    printed(clean_hosts, "one = 1\n")


def test_nothing_changed_changes_nothing_and_a_change_replaces(user: User, clean_hosts: Lab, config: Path) -> None:
    (user.folder / "one.conf").write_text("one = 1\n")
    showing(user, "./config:/config:ro", "./one.conf:/etc/app/one.conf")
    user.types("apply", "show@box1")
    first = inspect(clean_hosts)["Id"]

    again = user.types("apply", "-o", "json", "show@box1")
    assert [operation["action"] for operation in again.document["operations"]] == ["keep"]

    (config / "secret").write_text("another\n")
    changed = user.types("apply", "-o", "json", "show@box1")
    assert [operation["outcome"] for operation in changed.document["operations"]] == ["replaced"], changed.err
    printed(clean_hosts, "another\n")

    (user.folder / "one.conf").write_text("one = 2\n")
    user.types("apply", "show@box1")
    printed(clean_hosts, "one = 2\n")
    assert inspect(clean_hosts)["Id"] != first


def test_what_a_service_writes_stays_with_it_and_away_from_the_others(
    user: User, clean_hosts: Lab, config: Path
) -> None:
    write = "echo written >> /data/secret; cat /data/secret; sleep 300"
    body = {"image": IMAGE, "command": ["sh", "-c", write], "volumes": ["./config:/data"], "stop_grace_period": "0s"}
    profiles = {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}}
    user.has({"write": {**body, "profiles": profiles}}, hosts=["box1"])

    user.types("apply", "a[write][one]", "b[write][one]")
    ran = user.types("apply", "a[write][two]", "b[write][one]")

    assert ran.code == 0, ran.err
    engine = clean_hosts.hosts["box1"].engine
    logs = {name: str(engine.call("GET", f"/containers/ozsvc--default--{name}/logs?stdout=1")) for name in "ab"}
    assert [log.count("\n") for log in (logs["a"], logs["b"])] == [3, 2]
    assert (config / "secret").read_text() == "s\n"


def test_a_source_that_is_not_there_is_told_before_anything_is_changed(
    user: User, clean_hosts: Lab, config: Path
) -> None:
    showing(user, "./config:/config:ro")
    user.types("apply", "show@box1")
    before = inspect(clean_hosts)["Id"]
    showing(user, "./elsewhere:/config:ro")

    ran = user.types("apply", "show@box1")

    assert ran.code == 1
    assert f"cannot read {user.folder}/elsewhere: No such file or directory" in ran.out
    assert inspect(clean_hosts)["Id"] == before


def test_a_read_only_container_is_refused_a_file_with_the_reason(user: User, clean_hosts: Lab, config: Path) -> None:
    showing(user, "./config/secret:/etc/secret", read_only=True)

    ran = user.types("plan", "show@box1")

    assert "single file, which cannot be put into a read_only container; give it a folder of its own" in ran.out


def test_a_killed_sending_is_done_again(user: User, clean_hosts: Lab, config: Path) -> None:
    (config / "weights").write_bytes(os.urandom(60_000_000))
    showing(user, "./config:/config:ro")
    sending = user.starts("apply", "show@box1")
    assert eventually(lambda: any("ozfill--" in name for name in names(clean_hosts)))
    sending.kill()
    sending.wait()
    assert any("ozlock--" in name for name in names(clean_hosts))

    ran = user.types("apply", "show@box1")

    assert ran.code == 0, ran.err
    assert names(clean_hosts) == [f"/{CONTAINER}"]
    assert "60000000" in printed(clean_hosts, "ran\n")


@pytest.mark.timeout(36000)
def test_sendings_that_are_killed_at_any_moment_never_leave_a_part_for_the_whole(
    user: User, clean_hosts: Lab, config: Path
) -> None:
    dice = random.Random(7)
    for number in range(ROUNDS):
        weights = dice.randbytes(60_000_000)
        (config / "weights").write_bytes(weights)
        sums = "find /config -type f -exec md5sum {} +; sleep 300"
        body = {"image": IMAGE, "command": ["sh", "-c", sums], "volumes": ["./config:/config:ro"]}
        user.has({"show": {**body, "stop_grace_period": "0s"}}, hosts=["box1"])
        for _ in range(dice.randint(1, 3)):
            user.is_killed_after(dice.uniform(0.8, 3.0), "apply", "show@box1")

        ran = user.types("apply", "show@box1")

        assert ran.code == 0, f"round {number}: {ran.err}"
        assert hashlib.md5(weights).hexdigest() in printed(clean_hosts, hashlib.md5(b"odd\n").hexdigest())
        assert names(clean_hosts) == [f"/{CONTAINER}"], f"round {number}"


@pytest.mark.parametrize(
    ("breaks", "mends", "why"),
    [("kill_dockerd", "start_dockerd", "broke off"), ("cut", "mend", "the connection was lost")],
    ids=["the engine", "the link"],
)
def test_what_dies_on_the_way_is_told_and_the_next_apply_sends_it_whole(
    user: User, clean_hosts: Lab, config: Path, breaks: str, mends: str, why: str
) -> None:
    (config / "weights").write_bytes(os.urandom(100_000_000))
    showing(user, "./config:/config:ro")
    sending = user.starts("apply", "show@box1")
    assert eventually(lambda: any("ozfill--" in name for name in names(clean_hosts)))
    getattr(clean_hosts.hosts["box1"], breaks)()
    try:
        told = sending.communicate(timeout=30)[0].decode()
    finally:
        getattr(clean_hosts.hosts["box1"], mends)()
    assert sending.returncode == 1
    assert why in told

    ran = user.types("apply", "show@box1")

    assert ran.code == 0, ran.err
    assert names(clean_hosts) == [f"/{CONTAINER}"]
    assert "100000000" in printed(clean_hosts, "ran\n")


def test_two_controllers_that_send_the_same_at_once_share_one_volume(
    user: User, clean_hosts: Lab, config: Path
) -> None:
    (config / "weights").write_bytes(bytes(30_000_000))
    other = User(user.folder / "other", clean_hosts)
    shutil.copytree(config, other.folder / "config", symlinks=True)
    for name, one in (("mine", user), ("theirs", other)):
        one.has({name: {"image": IMAGE, "volumes": ["./config:/config:ro"]}}, hosts=["box1"])

    running = [user.starts("apply", "mine"), other.starts("apply", "theirs")]
    codes = [one.wait(timeout=60) for one in running]

    assert codes == [0, 0]
    assert names(clean_hosts) == ["/ozsvc--default--mine", "/ozsvc--default--theirs"]
    assert len(volumes(clean_hosts)) == 1
