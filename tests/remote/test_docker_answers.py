from collections.abc import Iterable

import pytest

from ozwald.model.container import ObservedPort
from ozwald.remote import docker_answers


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def in_pieces(content: bytes, size: int) -> Iterable[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


OUTPUT = frame(1, b"one\n") + frame(2, b"two\n") + frame(1, b"") + frame(1, b"three\n")


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000])
def test_both_streams_come_out_in_order_however_they_arrive(size: int) -> None:
    assert docker_answers.log_text(in_pieces(OUTPUT, size), head=None, limit_bytes=100) == b"one\ntwo\nthree\n"


def test_the_output_of_a_terminal_passes_as_it_is() -> None:
    assert docker_answers.log_text(iter([b"pl", b"ain\r\n"]), head=None, limit_bytes=100) == b"plain\r\n"


def test_a_head_is_the_first_lines() -> None:
    assert docker_answers.log_text(iter([OUTPUT]), head=2, limit_bytes=100) == b"one\ntwo\n"


def test_a_head_does_not_read_on() -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield frame(1, b"line\n")

    assert docker_answers.log_text(endless(), head=3, limit_bytes=1000) == b"line\n" * 3


def test_without_a_head_the_limit_keeps_the_end() -> None:
    frames = b"".join(frame(1, b"%04d\n" % number) for number in range(1000))

    assert docker_answers.log_text(iter([frames]), head=None, limit_bytes=10) == b"0998\n0999\n"


def test_a_linked_container_has_its_own_name() -> None:
    entry = {"Id": "1", "Names": ["/other/alias", "/mine"], "State": "running", "Created": 5}

    found = docker_answers.container(entry)
    assert (found.name, found.created_at, found.is_running) == ("mine", 5.0, True)


@pytest.mark.parametrize("created", [1e400, -1e400, float("nan"), 1e15])
def test_a_container_of_no_date_is_no_answer(created: float) -> None:
    with pytest.raises(ValueError, match="no date"):
        docker_answers.container({"Id": "1", "Created": created})


def test_ports_that_are_not_published_have_no_number() -> None:
    ports = [{"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 81, "PublicPort": 8081, "IP": "::", "Type": "udp"}]

    assert docker_answers.container({"Id": "1", "Ports": ports}).ports == (
        ObservedPort(target=80, protocol="tcp"),
        ObservedPort(target=81, protocol="udp", published=8081, host_ip="::"),
    )


def test_fields_that_are_null_are_empty() -> None:
    entry = {"Id": "1", "Names": None, "Labels": None, "Ports": None, "Created": None}

    found = docker_answers.container(entry)
    assert (found.name, found.labels, found.ports) == ("", {}, ())


def test_a_state_without_a_healthcheck_has_no_health() -> None:
    assert docker_answers.state({"Id": "1", "State": {"Running": True}}).health is None
    assert docker_answers.state({"Id": "1", "State": {"Health": {"Status": "none"}}}).health is None


@pytest.mark.parametrize(("config", "expected"), [({}, 10.0), ({"StopTimeout": None}, 10.0), ({"StopTimeout": 0}, 0.0)])
def test_no_time_to_stop_is_no_default(config: dict[str, object], expected: float) -> None:
    assert docker_answers.state({"Id": "1", "State": {}, "Config": config}).stop_timeout_s == expected


def test_the_last_health_check_is_quoted() -> None:
    health = {"Status": "unhealthy", "Log": [{"Output": "first"}, {"Output": "last"}]}

    found = docker_answers.state({"Id": "1", "State": {"Health": health, "ExitCode": 3}})
    assert (found.health, found.health_output, found.exit_code) == ("unhealthy", "last", 3)
