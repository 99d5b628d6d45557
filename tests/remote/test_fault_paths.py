"""Faults on the way to a host and on an open connection: connecting, jump hosts, sessions, silence."""

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.remote.fleet import Fleet
from ozwald.remote.ssh_config import SshOptions
from tests.lab import Lab
from tests.lab.host import Host as Box
from tests.remote.faults import NOTICED_S, SPENT, Attempts, cut, failing, freeze, kill, nothing_left
from tests.remote.reach import host_of, options_of

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("impatient")]


CONNECTING: list[tuple[str, Callable[[Box], None], str]] = [
    ("cut", cut, "no answer from"),
    ("freeze", freeze, "does not speak SSH in time"),
    ("kill", kill, "refused the connection"),
]


@pytest.mark.parametrize(("name", "fault", "message"), CONNECTING, ids=[case[0] for case in CONNECTING])
def test_connecting_to_a_faulty_host_ends_in_time(
    faulty: Lab, name: str, fault: Callable[[Box], None], message: str
) -> None:
    box = faulty.hosts["single"]
    fault(box)
    started = time.monotonic()
    try:
        with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet, pytest.raises(ConnectionFailed) as error:
            fleet.connection(host_of(faulty, box.name), deadline=started + 0.6)
    finally:
        box.mend()
        box.stop_sshd()
        box.start_sshd()

    assert time.monotonic() - started < 0.6 + 1.5  # with the second that closing may take
    assert error.value.failure is Failure.RETRYABLE
    assert message in error.value.message


def test_a_jump_host_that_freezes_is_given_up_and_found_again(faulty: Lab) -> None:
    gate, behind = faulty.hosts["single"], host_of(faulty, "box", jump="single")
    inventory = {"single": host_of(faulty, "single")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty)) as fleet:
        assert fleet.connection(behind).run(["hostname"], timeout_s=5).stdout == b"box\n"
        fleet.connection(behind).close()
        gate.freeze_sshd()
        try:
            error = failing(lambda: fleet.connection(behind, deadline=time.monotonic() + 2), within_s=2)
            assert error.failure is Failure.RETRYABLE
        finally:
            gate.thaw_sshd()
        assert fleet.connection(behind).run(["hostname"], timeout_s=5).stdout == b"box\n"


def test_a_link_that_is_cut_behind_a_jump_host_is_noticed(faulty: Lab) -> None:
    behind = host_of(faulty, "box", jump="single")
    with nothing_left(), Fleet({"single": host_of(faulty, "single")}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(behind)
        attempts = Attempts({"run": lambda: connection.run(SPENT.split(), timeout_s=2)})
        time.sleep(0.3)
        faulty.hosts["box"].cut()
        try:
            attempts.hit()
            (outcome,) = attempts.ended(within_s=NOTICED_S).values()
        finally:
            faulty.hosts["box"].mend()

        assert outcome.failure is Failure.UNKNOWN
        assert outcome.seconds < NOTICED_S + 1


def test_a_chain_of_jump_hosts_is_one_connection_each(faulty: Lab) -> None:
    inventory = {name: host_of(faulty, name) for name in ("single", "crowded", "cli")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty)) as fleet:
        far = host_of(faulty, "box", jump="single,crowded,cli")
        assert fleet.connection(far).run(["hostname"], timeout_s=5).stdout == b"box\n"
        fleet.connection(far).engine().ping()
        assert [host.name for host in fleet.jump_hosts(far)] == ["single", "crowded", "cli"]


def test_a_jump_host_that_forbids_forwarding_is_final(faulty: Lab) -> None:
    inventory = {"shut": host_of(faulty, "shut")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty)) as fleet:
        error = failing(lambda: fleet.connection(host_of(faulty, "box", jump="shut")), within_s=0)
        assert error.failure is Failure.TERMINAL
        assert "AllowTcpForwarding" in error.message


def test_a_host_that_a_jump_host_cannot_reach_may_be_tried_again(faulty: Lab) -> None:
    inventory = {"single": host_of(faulty, "single")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty)) as fleet:
        closed = host_of(faulty, "box", jump="single", port=1)
        error = failing(lambda: fleet.connection(closed), within_s=0)
        assert error.failure is Failure.RETRYABLE
        assert "its jump host cannot connect to" in error.message


def test_closing_ends_what_is_under_way(faulty: Lab) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        attempts = Attempts({"run": lambda: connection.run(SPENT.split(), timeout_s=2)})
        time.sleep(0.2)
        attempts.hit()
        fleet.close()
        (outcome,) = attempts.ended(within_s=0).values()

    assert outcome.failure is Failure.UNKNOWN
    assert outcome.seconds < 1


def test_a_crowded_sshd_is_tried_until_there_is_room(faulty: Lab) -> None:
    box = faulty.hosts["crowded"]
    holder = socket.create_connection((box.address, 22))
    with holder, Fleet({}, options=options_of(faulty)) as fleet:
        error = failing(
            lambda: fleet.connection(host_of(faulty, "crowded"), deadline=time.monotonic() + 0.6), within_s=0.6
        )
        assert error.failure is Failure.RETRYABLE
        assert "broke off before the SSH handshake was done" in error.message
        threading.Timer(0.3, holder.close).start()
        assert fleet.connection(host_of(faulty, "crowded"), deadline=time.monotonic() + 5).is_open()


def test_with_one_session_the_second_command_may_be_tried_again(faulty: Lab) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        attempts = Attempts({"first": lambda: connection.run(["sleep", "1"], timeout_s=5)})
        time.sleep(0.3)
        error = failing(lambda: connection.run(["true"], timeout_s=5), within_s=0)
        assert error.failure is Failure.RETRYABLE
        assert attempts.ended(within_s=2)["first"].error is None
        assert connection.run(["true"], timeout_s=5).exit_status == 0


def test_an_engine_s_idle_pipe_gives_way_to_a_command_where_there_is_one_session(faulty: Lab) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "tight"))
        engine = connection.engine()
        assert engine.list_containers() == ()
        assert connection.run(["hostname"], timeout_s=5).stdout == b"tight\n"
        assert engine.list_containers() == ()


def test_short_calls_that_fail_one_by_one_add_up_to_a_silence(faulty: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.connection.CHANNEL_S", 0.2)
    box = faulty.hosts["single"]
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        box.freeze_sshd()
        try:
            started = time.monotonic()
            while connection.is_open() and time.monotonic() - started < 5:
                assert failing(lambda: connection.run(["true"], timeout_s=1), within_s=0.2).failure is Failure.RETRYABLE
            assert time.monotonic() - started < NOTICED_S + 1
        finally:
            box.thaw_sshd()
        assert fleet.connection(host_of(faulty, "single")).run(["true"], timeout_s=5).exit_status == 0


def test_an_engine_s_answer_that_does_not_come_is_a_silence_too(faulty: Lab) -> None:
    box = faulty.hosts["box"]
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        engine = fleet.connection(host_of(faulty, "box")).engine()
        box.freeze_sshd()
        try:
            error = failing(engine.list_containers, within_s=NOTICED_S)
        finally:
            box.thaw_sshd()

    assert error.failure is Failure.RETRYABLE
    assert "does not answer any more" in error.message


def test_an_unknown_key_of_a_jump_host_is_named_as_such(faulty: Lab, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"{faulty.hosts['box'].address} {faulty.hosts['box'].host_key}\n")
    inventory = {"single": host_of(faulty, "single")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty, known_hosts=(str(known),))) as fleet:
        for jump, advice in (("single", "single"), (f"ozwald@{faulty.hosts['single'].address}", "box")):
            host = host_of(faulty, "box", jump=jump)
            error = failing(partial(fleet.connection, host), within_s=0)
            assert isinstance(error, HostKeyError)
            assert error.message.startswith(f"jump host {jump}: its host key is not known")
            assert f"`ozwald trust {advice}`" in error.message


def test_a_slow_host_that_answers_is_not_given_up(faulty: Lab) -> None:
    with Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        assert connection.run(["sleep", "2"], timeout_s=5).exit_status == 0


def test_an_idle_connection_to_a_frozen_host_is_left_alone(faulty: Lab) -> None:
    box = faulty.hosts["single"]
    with Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        box.freeze_sshd()
        time.sleep(NOTICED_S + 0.3)
        box.thaw_sshd()
        assert connection.is_open()
        assert connection.run(["true"], timeout_s=5).exit_status == 0


def test_a_silent_link_says_so_in_the_error(faulty: Lab) -> None:
    with faulty.proxy(faulty.hosts["box"]) as proxy, Fleet({}, options=known_as(faulty, proxy.port)) as fleet:
        connection = fleet.connection(host_of(faulty, "box", address=proxy.address, port=proxy.port))
        attempts = Attempts({"run": lambda: connection.run(["sleep", "3"], timeout_s=4)})
        time.sleep(0.2)
        proxy.cut()
        attempts.hit()
        (outcome,) = attempts.ended(within_s=NOTICED_S).values()

    assert "does not answer any more (nothing heard for" in str(outcome.error)
    assert outcome.seconds < NOTICED_S + 1


def known_as(lab: Lab, port: int) -> SshOptions:
    """Options that know the host `box` behind a proxy's port."""
    known = lab.directory / f"known_{port}"
    known.write_text(f"[127.0.0.1]:{port} {lab.hosts['box'].host_key}\n")
    return options_of(lab, known_hosts=(str(known),))
