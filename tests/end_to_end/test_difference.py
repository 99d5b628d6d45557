"""What plan and apply make of settings that changed, on a real engine."""

from typing import Any

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/busybox:1"
LEAST = {"image": IMAGE, "pull_policy": "never"}
NAME = "ozsvc--default--idle"


def inspected(lab: Lab) -> Any:
    return lab.hosts["box1"].engine.call("GET", f"/containers/{NAME}/json")


def applied(user: User, body: dict[str, Any], *words: str, command: str = "apply") -> Any:
    """The one operation that these settings of the service lead to."""
    user.has({"idle": LEAST | body}, hosts=["box1"])
    ran = user.types(command, "-o", "json", *words, "idle")
    assert ran.code == 0, ran.err
    (operation,) = ran.document["operations"]
    return operation


def test_a_plan_shows_old_and_new_values_and_no_secret(user: User, clean_hosts: Lab) -> None:
    applied(user, {"environment": {"MODEL": "qwen", "API_KEY": "hunter1"}})
    user.has({"idle": LEAST | {"environment": {"MODEL": "llama", "API_KEY": "hunter2"}}}, hosts=["box1"])

    as_text, as_data = user.types("plan", "idle"), user.types("plan", "-o", "json", "idle")

    assert "~ replace  idle[idle] on box1: environment.API_KEY, environment.MODEL changed" in as_text.out
    assert "environment.MODEL: qwen -> llama" in as_text.out
    assert {"path": "environment.MODEL", "old": "qwen", "new": "llama"} in as_data.document["operations"][0]["changes"]
    assert "hunter" not in as_text.out + as_data.out


def test_limits_change_while_the_service_runs(user: User, clean_hosts: Lab) -> None:
    applied(user, {"mem_limit": "64m", "cpus": 1})
    before = inspected(clean_hosts)

    operation = applied(user, {"mem_limit": "96m", "cpus": 0.5, "restart": "always"})

    after = inspected(clean_hosts)
    assert (operation["action"], operation["outcome"]) == ("update", "updated")
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert after["HostConfig"]["Memory"] == 96 << 20
    assert after["HostConfig"]["NanoCpus"] == 500_000_000
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert applied(user, {"mem_limit": "96m", "cpus": 0.5, "restart": "always"})["action"] == "keep"


def test_another_spelling_and_a_default_spelled_out_change_nothing(user: User, clean_hosts: Lab) -> None:
    applied(user, {"environment": ["A=1", "B=2"], "command": "sleep 300", "ports": ["18080:80"]})

    operation = applied(
        user,
        {
            "image": f"docker.io/{IMAGE}",
            "environment": {"B": 2, "A": 1},
            "command": ["sleep", "300"],
            "ports": [{"target": 80, "published": 18080}],
            "ipc": "private",
            "shm_size": "64m",
            "healthcheck": {"retries": 3},
        },
    )

    assert operation["action"] == "keep"


def test_what_somebody_changed_behind_the_labels_is_found_on_request(user: User, clean_hosts: Lab) -> None:
    applied(user, {"cpus": 1})
    clean_hosts.hosts["box1"].engine.call("POST", f"/containers/{NAME}/update", {"NanoCpus": 250_000_000})

    at_first_sight = applied(user, {"cpus": 1}, command="plan")
    closely = applied(user, {"cpus": 1}, "--closely", command="plan")

    assert at_first_sight["action"] == "keep"
    assert closely["action"] == "update"
    assert closely["changes"] == [{"path": "cpus", "old": 0.25, "new": 1.0}]
