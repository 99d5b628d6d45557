"""Looking: hosts, services, logs."""

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"


def test_show_host_resources_reports_cards_and_vram(user: User, clean_hosts: Lab) -> None:
    user.has({}, hosts=["box1", "gpu1", "amd1"])

    ran = user.types("show_host_resources", "-o", "json")

    hosts = {entry["host"]: entry for entry in ran.document}
    (nvidia,), (amd,) = hosts["gpu1"]["gpus"], hosts["amd1"]["gpus"]
    assert ran.code == 0, ran.err
    assert (nvidia["hardware"], nvidia["name"]) == ("nvidia", "Tesla T4")
    assert nvidia["vram_total_bytes"] == 15360 * 1024**2
    assert amd["hardware"] == "amdgpu"
    assert amd["vram_total_bytes"] > 11 * 1024**3
    assert hosts["box1"]["gpus"] == []
    assert hosts["box1"]["docker"]["version"]
    assert hosts["box1"]["boot_id"] != hosts["gpu1"]["boot_id"]


def test_a_host_without_docker_is_shown_with_the_reason(user: User) -> None:
    user.has({}, hosts=["bare"])

    (bare,) = user.types("show_host_resources", "-o", "json").document

    assert bare["docker"] is None
    assert bare["missing"]["docker"]
    assert bare["memory_total_bytes"]


def test_vram_that_a_container_holds_counts_as_used(user: User, clean_hosts: Lab) -> None:
    claim = {"image": IMAGE, "labels": {"lab.vram_mib": "4096"}, "varieties": {"nvidia": None}}
    user.has({"claim": claim}, hosts=["gpu1"])
    before = user.types("show_host_resources", "-o", "json").document[0]["gpus"][0]["vram_used_bytes"]

    user.types("apply", "claim")

    after = user.types("show_host_resources", "-o", "json").document[0]["gpus"][0]["vram_used_bytes"]
    assert after - before == 4096 * 1024**2


def test_who_holds_a_card_is_shown(user: User, clean_hosts: Lab) -> None:
    claim = {"image": IMAGE, "labels": {"lab.vram_mib": "4096"}, "varieties": {"nvidia": None}}
    user.has({"claim": claim}, hosts=["gpu1"])
    user.types("apply", "mine[claim]")

    (host,) = user.types("show_host_resources", "-o", "json").document
    holder = host["gpus"][0]["holders"][0]
    assert (holder["instance"], holder["service"], holder["vram_bytes"]) == ("mine", "claim", 4096 * 1024**2)
    assert "4.00 GiB  mine (claim)" in user.types("show_host_resources").out


def test_active_services_are_listed_from_the_hosts(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE, "ports": ["9001:9000"]}}, hosts=["box1", "box2"])
    user.types("apply", "idle")

    (service,) = user.types("list_active_services", "-o", "json").document

    assert service["name"] == service["service"] == "idle"
    assert service["status"] == "available"
    assert service["endpoint"] == f"{user.hosts['box1']['address']}:9001"


def test_a_container_that_was_removed_by_hand_is_listed_as_waiting(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")
    clean_hosts.hosts["box1"].engine.call("DELETE", "/containers/ozsvc--default--idle?force=1")

    (service,) = user.types("list-active-services", "-o", "json").document

    assert service["status"] == "waiting"
    assert user.types("apply").code == 0
    assert user.types("list_active_services", "-o", "json").document[0]["status"] == "available"


def test_logs_have_a_top_and_an_end(user: User, clean_hosts: Lab) -> None:
    command = ["sh", "-c", "for i in 1 2 3 4 5; do echo line $$i; done; exec sleep 3600"]
    user.has({"talk": {"image": IMAGE, "command": command}}, hosts=["box1"])
    user.types("apply", "talk")

    assert user.types("get_service_logs", "--top", "2", "talk").out == "line 1\nline 2\n"
    assert user.types("get_service_logs", "--last", "1", "talk").out == "line 5\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("apply", "idel"), "did you mean 'idle'?"),
        (("run", "gpu9", "--", "true"), "no host or group 'gpu9'"),
        (("aply", "idle"), "did you mean 'apply'?"),
        (("apply",), "nothing is wanted yet"),
        (("plan", "idle", "--limit", "box2"), "no host or group 'box2'"),
    ],
)
def test_a_wrong_request_exits_with_2_and_names_the_nearest_right_thing(
    user: User, words: tuple[str, ...], hint: str
) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])

    ran = user.types(*words)

    assert ran.code == 2
    assert hint in ran.err
