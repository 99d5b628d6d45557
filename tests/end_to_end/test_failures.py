"""One host fails in each way there is: the others finish, and one line says what to do."""

import shutil

import pytest

from tests.end_to_end.user import Ran, User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"


def apply_on_both(user: User, bad: str) -> Ran:
    user.has({"idle": {"image": IMAGE, "pull_policy": "never"}}, hosts=["box1", bad])
    return user.types("apply", "good[idle]@box1", f"bad[idle]@{bad}", timeout_s=90)


def has_one_line_about(ran: Ran, host: str, hint: str) -> bool:
    lines = [line for line in ran.err.splitlines() if line.startswith(f"unreachable: {host}:")]
    return len(lines) == 1 and hint in lines[0]


def runs_on(lab: Lab, host: str) -> int:
    return len(lab.hosts[host].engine.call("GET", "/containers/json"))


def test_an_unknown_host_key_names_the_way_out(user: User, clean_hosts: Lab) -> None:
    address = str(user.hosts["box2"]["address"])
    kept = [line for line in user.known_hosts.read_text().splitlines() if address not in line.split()[0]]
    user.known_hosts.write_text("\n".join(kept) + "\n")

    ran = apply_on_both(user, "box2")

    assert ran.code == 1
    assert has_one_line_about(ran, "box2", "ozwald trust box2"), ran.err
    assert (runs_on(clean_hosts, "box1"), runs_on(clean_hosts, "box2")) == (1, 0)


def test_a_changed_host_key_shows_both_fingerprints(user: User, clean_hosts: Lab) -> None:
    lines = user.known_hosts.read_text().splitlines()
    mine, other = str(user.hosts["box2"]["address"]), str(user.hosts["box1"]["address"])
    stranger = next(line.split(maxsplit=1)[1] for line in lines if other in line.split()[0])
    kept = [line for line in lines if mine not in line.split()[0]]
    user.known_hosts.write_text("\n".join([*kept, f"{mine} {stranger}"]) + "\n")

    ran = apply_on_both(user, "box2")

    assert ran.code == 1
    assert has_one_line_about(ran, "box2", "trust --replace box2"), ran.err
    assert ran.err.count("SHA256:") == 2
    assert runs_on(clean_hosts, "box2") == 0


def test_a_host_that_is_down_does_not_stop_the_others(user: User, clean_hosts: Lab) -> None:
    clean_hosts.hosts["box2"].stop_sshd()
    try:
        ran = apply_on_both(user, "box2")
    finally:
        clean_hosts.hosts["box2"].start_sshd()

    assert ran.code == 1
    assert has_one_line_about(ran, "box2", "sshd"), ran.err
    assert runs_on(clean_hosts, "box1") == 1


def test_a_host_that_drops_every_packet_ends_by_its_deadline(user: User, clean_hosts: Lab) -> None:
    clean_hosts.hosts["box2"].cut()
    try:
        ran = apply_on_both(user, "box2")
    finally:
        clean_hosts.hosts["box2"].mend()

    assert ran.code == 1
    assert has_one_line_about(ran, "box2", ""), ran.err
    assert runs_on(clean_hosts, "box1") == 1


def test_a_host_without_docker_says_what_to_install(user: User, clean_hosts: Lab) -> None:
    ran = apply_on_both(user, "bare")

    assert ran.code == 1
    assert has_one_line_about(ran, "bare", "docker.io"), ran.err
    assert runs_on(clean_hosts, "box1") == 1


def test_a_missing_image_is_one_line_that_says_what_to_do(user: User, clean_hosts: Lab) -> None:
    services = {"idle": {"image": IMAGE}, "gone": {"image": "lab/nowhere:1", "pull_policy": "never"}}
    user.has(services, hosts=["box1", "box2"])

    ran = user.types("apply", "good[idle]@box1", "bad[gone]@box2")

    failures = [line for line in ran.out.splitlines() if line.startswith("failed: bad")]
    assert ran.code == 1
    assert len(failures) == 1
    assert "lab/nowhere:1" in failures[0]
    assert "pull_policy" in failures[0]
    assert runs_on(clean_hosts, "box1") == 1


def test_an_instance_on_an_unreachable_host_gets_no_twin(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1", "box2"])
    user.types("apply", "idle")
    clean_hosts.hosts["box1"].stop_sshd()
    try:
        ran = user.types("apply", "idle")
    finally:
        clean_hosts.hosts["box1"].start_sshd()

    assert ran.code == 1
    assert "placed on box1" in ran.out
    assert runs_on(clean_hosts, "box2") == 0


def test_nothing_reachable_exits_with_3(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["bare"])
    user.known_hosts.write_text("")

    assert user.types("apply", "idle").code == 3


def test_a_damaged_wanted_set_holds_everything(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")
    (stored,) = (user.folder / "state" / "wanted").glob("*.json")
    stored.write_text(stored.read_text().replace("idle", "other"))

    ran = user.types("apply")

    assert ran.code == 5
    assert runs_on(clean_hosts, "box1") == 1
    shutil.rmtree(user.folder / "state")
