"""`get_service_launch_logs`: everything about a start, above all one that failed."""

import re

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.registry import Registry, layer

pytestmark = pytest.mark.lab

IMAGE = "lab/busybox:1"


def test_a_pull_is_told_with_layers_bytes_digest_and_what_held_it_up(user: User, clean_hosts: Lab) -> None:
    with Registry(clean_hosts.hosts["box1"]) as registry:
        shared = layer("shared", 100_000)
        registry.push("first:1", [shared])
        digest = registry.push("model:1", [shared, layer("weights", 2_000_000)])
        user.has({name: {"image": registry.reference(f"{name}:1")} for name in ("first", "model")}, hosts=["box1"])
        user.types("apply", "first")
        registry.break_offs = 1

        ran = user.types("apply", "model")
    log = user.types("get_service_launch_logs", "model").out

    assert ran.code == 1
    assert re.search(r"pull held up at .* of 1\.91 MiB, 1 of 2 layers, retrying in 5 seconds", log)
    assert "2 layers, 1 there already, 1.91 MiB fetched; image " in log
    assert f"{digest} [" in log
    assert "/none" in log


def test_what_the_registry_says_is_told(user: User, clean_hosts: Lab) -> None:
    with Registry(clean_hosts.hosts["box1"]) as registry:
        user.has({"gone": {"image": registry.reference("gone:1")}}, hosts=["box1"])
        ran = user.types("apply", "gone")
    log = user.types("get_service_launch_logs", "gone").out

    assert ran.code == 1
    assert "manifest unknown" in log


def test_a_crash_is_told_with_code_streams_and_time_and_without_secrets(user: User) -> None:
    script = "echo starting with $$API_KEY; sleep 0.3; echo no weights >&2; exit 3"
    crash = {"image": IMAGE, "command": ["sh", "-c", script], "environment": {"API_KEY": "hunter2222"}, "restart": "no"}
    user.has({"crash": crash}, hosts=["box1"])
    ran = user.types("apply", "crash")
    log = user.types("get_service_launch_logs", "crash").out

    assert ran.code == 1
    assert "its state: ended with exit code 3" in log
    assert "  stdout | starting with ********\n  stderr | no weights\n" in log
    assert re.search(r"image [0-9a-f]{12}", log)
    assert re.search(r"its state: .* \[\d\.\d s\]", log)
    assert "hunter2222" not in log + ran.out + ran.err


def test_a_failed_healthcheck_is_told_with_its_code_and_output(user: User) -> None:
    check = {"test": ["CMD", "sh", "-c", "echo not yet; exit 1"], "interval": "0.2s", "retries": 2}
    user.has({"sick": {"image": IMAGE, "healthcheck": check}}, hosts=["box1"])
    user.types("apply", "sick")
    log = user.types("get_service_launch_logs", "sick").out

    assert re.search(r"healthcheck says unhealthy, \d failures in a row; the last one ended with 1 and printed:", log)
    assert "  not yet\n" in log


def test_several_launch_logs_have_headings(user: User) -> None:
    user.has({name: {"image": "lab/quick:1"} for name in ("one", "two")}, hosts=["box1"])
    user.types("apply", "one", "two")

    out = user.types("get_service_launch_logs", "one,two", "--last", "1").out

    assert re.fullmatch(r"==> one <==\n.*box1: done\n==> two <==\n.*box1: done\n", out)
    assert user.types("get_service_launch_logs", "one", "three").code == 2
