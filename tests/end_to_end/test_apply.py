"""What apply does to real hosts over real SSH."""

import json
from typing import Any

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
HOSTS = ["box1", "box2", "gpu1"]
SLEEPER = {"image": IMAGE, "pull_policy": "never", "profiles": {"short": {"environment": {"N": 1}}, "long": None}}
CARD = {"image": IMAGE, "pull_policy": "never", "varieties": {"nvidia": None, "cpu-only": None}}


def actions(document: Any) -> dict[str, str]:
    return {operation["name"]: operation["action"] for operation in document["operations"]}


def names_on(lab: Lab, host: str) -> list[str]:
    containers = lab.hosts[host].engine.call("GET", "/containers/json?all=1")
    return sorted(name.removeprefix("/") for container in containers for name in container["Names"])


def test_services_start_on_several_hosts_and_a_second_apply_changes_nothing(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER, "card": CARD}, hosts=HOSTS)
    wanted = ("a[idle]@box1", "b[idle][short]@box2", "c[card][nvidia]")

    first = user.types("apply", "-o", "json", *wanted)
    second = user.types("apply", "-o", "json", *wanted)

    assert first.code == 0, first.err
    assert [operation["outcome"] for operation in first.document["operations"]] == ["created"] * 3
    assert set(actions(second.document).values()) == {"keep"}
    assert names_on(clean_hosts, "gpu1") == ["ozsvc--default--c"]


def test_a_changed_profile_replaces_that_container_and_no_other(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER}, hosts=HOSTS)
    user.types("apply", "a[idle][short]@box1", "b[idle][short]@box1")

    changed = user.types("apply", "-o", "json", "a[idle][long]@box1", "b[idle][short]@box1")

    assert changed.code == 0, changed.err
    assert actions(changed.document) == {"a": "replace", "b": "keep"}
    assert names_on(clean_hosts, "box1") == ["ozsvc--default--a", "ozsvc--default--b"]


def test_what_is_no_longer_wanted_is_stopped_and_said_first(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER}, hosts=HOSTS)
    user.types("apply", "a[idle]@box1", "b[idle]@box2")

    planned = user.types("plan", "a[idle]@box1")
    applied = user.types("apply", "a[idle]@box1")

    assert planned.out.startswith("- stop     b on box2")
    assert applied.code == 0
    assert names_on(clean_hosts, "box2") == []
    assert names_on(clean_hosts, "box1") == ["ozsvc--default--a"]


def test_the_nvidia_variety_gets_exactly_its_card(user: User, clean_hosts: Lab) -> None:
    user.has({"card": CARD}, hosts=HOSTS)

    ran = user.types("apply", "-o", "json", "c[card][nvidia]")

    (operation,) = ran.document["operations"]
    container = clean_hosts.hosts["gpu1"].engine.call("GET", "/containers/ozsvc--default--c/json")
    (request,) = container["HostConfig"]["DeviceRequests"]
    assert operation["host"] == "gpu1"
    assert request["DeviceIDs"] == operation["gpus"]


def test_the_amd_variety_gets_its_render_node(user: User, clean_hosts: Lab) -> None:
    user.has({"card": {"image": IMAGE, "varieties": {"amdgpu": None}}}, hosts=["amd1", "box1"])

    ran = user.types("apply", "-o", "json", "c[card]")

    assert ran.code == 0, ran.err
    container = clean_hosts.hosts["amd1"].engine.call("GET", "/containers/ozsvc--default--c/json")
    devices = [device["PathOnHost"] for device in container["HostConfig"]["Devices"]]
    assert devices[0] == "/dev/kfd"
    assert devices[1].startswith("/dev/dri/renderD")


def test_plan_writes_nothing_on_any_host(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER}, hosts=HOSTS)

    planned = user.types("plan", "--detailed-exitcode", "a[idle]")

    networks = clean_hosts.hosts["box1"].engine.call("GET", "/networks")
    assert planned.code == 10
    assert names_on(clean_hosts, "box1") == []
    assert sorted(network["Name"] for network in networks) == ["bridge", "host", "none"]


def test_a_port_of_another_process_is_refused_before_anything_is_stopped(user: User, clean_hosts: Lab) -> None:
    user.has({"web": {**SLEEPER, "ports": ["8080:80"]}}, hosts=["box1"])
    user.types("apply", "web")
    (before,) = clean_hosts.hosts["box1"].engine.call("GET", "/containers/json")
    user.has({"web": {**SLEEPER, "ports": ["22:80"]}}, hosts=["box1"])

    ran = user.types("apply", "web")

    assert ran.code == 4
    assert "box1: port 22/tcp is taken by a process of user root" in ran.out
    (after,) = clean_hosts.hosts["box1"].engine.call("GET", "/containers/json")
    assert (after["Id"], after["State"]) == (before["Id"], "running")


def test_an_instance_that_is_replaced_keeps_the_port_that_the_engine_listens_on(user: User, clean_hosts: Lab) -> None:
    user.has({"web": {**SLEEPER, "ports": ["8080:80"]}}, hosts=["box1"])
    user.types("apply", "web[][short]")

    ran = user.types("apply", "-o", "json", "web[][long]")

    assert ran.code == 0, ran.err
    assert actions(ran.document) == {"web": "replace"}


def test_a_foreign_container_is_never_touched(user: User, clean_hosts: Lab) -> None:
    engine = clean_hosts.hosts["box1"].engine
    holder = engine.run("lab/busybox:1", name="ozsvc--default--a", Labels={"com.example": "theirs"})
    other = engine.run("lab/busybox:1", name="db")
    before = [engine.call("GET", f"/containers/{id_}/json") for id_ in (holder, other)]
    user.has({"idle": SLEEPER}, hosts=["box1", "box2"])

    ran = user.types("apply", "a[idle]@box1", "b[idle]@box2")
    emptied = user.types("apply", "-f", write(user, "[]"))

    assert ran.code == 1
    assert "not ours" in ran.out
    assert emptied.code == 0, emptied.err
    assert [engine.call("GET", f"/containers/{id_}/json") for id_ in (holder, other)] == before
    assert names_on(clean_hosts, "box2") == []


def test_a_file_says_what_is_wanted(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER}, hosts=HOSTS)
    wanted = [{"name": "a", "service": "idle", "profile": "short", "host": "box2"}, "b[idle]@box1"]

    ran = user.types("apply", "--file", write(user, json.dumps(wanted)))

    assert ran.code == 0, ran.err
    assert names_on(clean_hosts, "box2") == ["ozsvc--default--a"]


def test_a_dependant_starts_after_what_it_needs_on_another_host(user: User, clean_hosts: Lab) -> None:
    back = {"image": IMAGE, "ports": ["9000:9000"]}
    front = {"image": IMAGE, "depends_on": ["back"]}
    user.has({"back": back, "front": front}, hosts=HOSTS)

    ran = user.types("apply", "front@box1", "back@box2")

    inspected = clean_hosts.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--front/json")
    assert ran.code == 0, ran.err
    assert f"OZWALD_BACK_ENDPOINT={user.hosts['box2']['address']}:9000" in inspected["Config"]["Env"]


def test_a_start_that_fails_is_explained_and_the_old_container_comes_back(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")
    old = clean_hosts.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--idle/json")
    broken = {"image": IMAGE, "command": ["sh", "-c", "echo the model is missing; exit 7"], "restart": "no"}
    user.has({"idle": broken}, hosts=["box1"])

    ran = user.types("apply", "idle")

    launch_log = user.types("get_service_launch_logs", "idle").out
    now = clean_hosts.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--idle/json")
    assert ran.code == 1
    assert "exit code 7" in ran.out
    assert "the model is missing" in launch_log
    assert now["Id"] == old["Id"]
    assert now["State"]["Running"]
    assert names_on(clean_hosts, "box1") == ["ozsvc--default--idle"]


def test_a_service_that_nothing_can_carry_exits_with_4(user: User) -> None:
    user.has({"card": {"image": IMAGE, "varieties": {"nvidia": None}}}, hosts=["box1", "box2"])

    ran = user.types("apply", "card")

    assert ran.code == 4
    assert "box1: no nvidia card" in ran.out


def write(user: User, text: str) -> str:
    path = user.folder / "wanted.yml"
    path.write_text(text)
    return str(path)


def test_an_external_network_that_is_not_there_is_told_before_anything_is_stopped(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": SLEEPER}, hosts=["box1", "box2"])
    user.types("apply", "a[idle]@box1")
    user.has({"idle": {**SLEEPER, "networks": ["lan"]}}, hosts=["box1", "box2"], networks={"lan": {"external": True}})

    refused = user.types("plan", "a[idle]@box1")
    clean_hosts.hosts["box1"].engine.call("POST", "/networks/create", {"Name": "lan"})
    applied = user.types("apply", "a[idle]@box1")

    assert refused.code == 4
    assert "! blocked  a" in refused.out
    assert "box1: there is no network lan, which is declared external: create it there" in refused.out
    assert applied.code == 0, applied.err
    container = clean_hosts.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--a/json")
    assert list(container["NetworkSettings"]["Networks"]) == ["lan"]
