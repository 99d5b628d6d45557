"""What a hostile or mistaken host may say before any keys are agreed on."""

import resource
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote.algorithms import CIPHERS, KEY_EXCHANGES, KEYS, MACS
from ozwald.remote.ssh_config import SshOptions
from tests.remote.alone import open_ssh
from tests.remote.raw_server import DISCONNECT, IDENTITY, IGNORE, Peer, kexinit, offered, raw_server


def refused(host: Host, *, within_s: float = 5.0) -> ConnectionFailed:
    options = SshOptions(config_file="/dev/null", known_hosts=("/dev/null",), use_agent=False)
    with pytest.raises(ConnectionFailed) as error:
        open_ssh(host, options=options, deadline=time.monotonic() + within_s)
    return error.value


def ssh_threads() -> list[str]:
    kinds = ("GuardedTransport", "Timer")
    return [thread.name for thread in threading.enumerate() if type(thread).__name__ in kinds]


def endless(piece: bytes) -> Callable[[Peer], None]:
    def act(peer: Peer) -> None:
        while peer.sent < 1 << 30:
            peer.send(piece)

    return act


@pytest.mark.parametrize(
    "piece",
    [b"x" * 65536, b"hello\r\n" * 1000, bytes(65536), b"SSH-2.0-" + b"y" * 65536],
    ids=["line", "lines", "0", "id"],
)
def test_words_without_end_before_the_handshake_are_cut_off(piece: bytes) -> None:
    peers: list[Peer] = []

    def act(peer: Peer) -> None:
        peers.append(peer)
        endless(piece)(peer)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with raw_server(act) as host:
        error = refused(host)

    assert (error.failure, len(peers)) == (Failure.TERMINAL, 1)
    assert time.monotonic() - started < 3
    assert peers[0].sent < 32 << 20  # what the kernel's buffers hold, and 256 KiB that were read
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert ssh_threads() == []


@pytest.mark.parametrize("piece", [b"x", b"x\n", b"SSH-2.0-x\r\n"], ids=["line", "lines", "silence after the name"])
def test_words_that_drip_end_at_the_deadline(piece: bytes) -> None:
    def act(peer: Peer) -> None:
        while True:
            peer.send(piece)
            time.sleep(60 if piece.startswith(b"SSH") else 0.02)

    started = time.monotonic()
    with raw_server(act) as host:
        error = refused(host, within_s=0.5)

    assert time.monotonic() - started < 1.5
    assert error.failure is Failure.RETRYABLE
    assert "does not speak SSH in time" in error.message
    assert ssh_threads() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SSH but says 'HTTP/1.1 400 Bad Request'"),
        (b"220 \x1b]0;owned\x07 mail\r\n", "says '220 ]0;owned mail'"),
        (b"\x16\x03\x01\x02\x00\xff\xfe", "does not speak SSH but says"),
        (b"SSH-1.5-old\r\n", "no algorithm in common"),
    ],
)
def test_another_protocol_is_named_and_final(words: bytes, message: str) -> None:
    started = time.monotonic()
    with raw_server(lambda peer: peer.send(words)) as host:
        error = refused(host)

    assert message in error.message
    assert error.message.isprintable()
    assert error.failure is Failure.TERMINAL
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "words", [b"", b"Exceeded MaxStartups\r\n", b"Not allowed at this time\r\n", b"SSH-2", IDENTITY]
)
def test_a_host_that_turns_us_away_is_asked_again_until_the_deadline(words: bytes) -> None:
    seen: list[Peer] = []

    def act(peer: Peer) -> None:
        seen.append(peer)
        peer.send(words)

    with raw_server(act) as host:
        error = refused(host, within_s=0.7)

    assert error.failure is Failure.RETRYABLE
    assert len(seen) > 1


def after_the_names(peer: Peer) -> None:
    peer.send(IDENTITY)
    peer.line()


WEAK = {
    "kex": ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1"),
    "keys": ("ssh-rsa", "ssh-dss"),
    "ciphers": ("none", "3des-cbc", "aes128-cbc", "aes256-cbc", "arcfour"),
    "macs": ("none", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"),
}


@pytest.mark.parametrize("kind", WEAK)
def test_a_downgrade_is_refused(kind: str) -> None:
    def act(peer: Peer) -> None:
        after_the_names(peer)
        peer.send_packet(kexinit(**{kind: WEAK[kind]}))
        peer.packet()
        peer.packet()

    with raw_server(act) as host:
        error = refused(host)

    assert error.failure is Failure.TERMINAL
    assert "no algorithm in common" in error.message


def test_nothing_weak_is_offered_and_the_strict_handshake_is() -> None:
    seen: list[dict[str, list[str]]] = []

    def act(peer: Peer) -> None:
        after_the_names(peer)
        seen.append(offered(peer.packet()))

    with raw_server(act) as host:
        refused(host, within_s=0.3)

    assert "kex-strict-c-v00@openssh.com" in seen[0]["kex"]
    extras = {"kex-strict-c-v00@openssh.com", "ext-info-c"}
    assert set(seen[0]["kex"]) - extras <= set(KEY_EXCHANGES)
    assert {name.removesuffix("-cert-v01@openssh.com") for name in seen[0]["keys"]} == set(KEYS)
    assert seen[0]["ciphers"] == seen[0]["ciphers_back"] == list(CIPHERS)
    assert set(seen[0]["macs"]) == set(MACS)
    assert seen[0]["zip"] == ["none"]


@pytest.mark.parametrize(
    "packets",
    [
        [struct.pack(">I", 0xFFFFFFFF) + bytes(64)],
        [struct.pack(">I", 300_000) + bytes(64)],
        [struct.pack(">I", 1) + bytes(64)],
        [bytes(64)],
    ],
    ids=["4 GiB", "too large", "too small", "zeros"],
)
def test_packets_of_impossible_length_end_the_handshake(packets: list[bytes]) -> None:
    def act(peer: Peer) -> None:
        after_the_names(peer)
        for packet in packets:
            peer.send(packet)
        peer.packet()
        time.sleep(5)

    started = time.monotonic()
    with raw_server(act) as host:
        error = refused(host)

    assert time.monotonic() - started < 1
    assert error.failure in (Failure.TERMINAL, Failure.RETRYABLE)
    assert ssh_threads() == []


def test_a_message_slipped_in_before_a_strict_handshake_ends_it() -> None:
    def act(peer: Peer) -> None:
        after_the_names(peer)
        peer.send_packet(bytes([IGNORE]) + struct.pack(">I", 4) + b"junk")
        peer.send_packet(kexinit(kex=("curve25519-sha256@libssh.org", "kex-strict-s-v00@openssh.com")))
        peer.packet()
        peer.packet()

    with raw_server(act) as host:
        error = refused(host)

    assert error.failure is Failure.TERMINAL
    assert "strict-kex" in error.message


def test_ignored_messages_without_end_are_cut_off() -> None:
    def act(peer: Peer) -> None:
        after_the_names(peer)
        while True:
            peer.send_packet(bytes([IGNORE]) + struct.pack(">I", 16000) + bytes(16000))

    started = time.monotonic()
    with raw_server(act) as host:
        error = refused(host)

    assert time.monotonic() - started < 2
    assert error.failure is Failure.TERMINAL


def test_terminal_escapes_in_a_farewell_are_harmless() -> None:
    text = b"\x1b[2J\x1b]0;owned\x07 go away \x9b31m"

    def act(peer: Peer) -> None:
        after_the_names(peer)
        peer.send_packet(bytes([DISCONNECT]) + struct.pack(">II", 2, len(text)) + text + bytes(4))
        peer.packet()

    with raw_server(act) as host:
        error = refused(host, within_s=0.4)

    assert "go away" in error.message
    assert error.message.isprintable()


def test_a_flood_of_hosts_that_say_nothing_does_not_hold_up_the_one_that_answers(tmp_path: Path) -> None:
    from ozwald.remote.fleet import Fleet
    from tests.remote.ssh_server import Behaviour, ssh_server

    def act(peer: Peer) -> None:
        endless(b"x" * 65536)(peer)

    with raw_server(act) as hostile, ssh_server(tmp_path, Behaviour()) as good:
        hosts = [Host(name=f"bad{n}", address="127.0.0.1", port=hostile.port, user="ada") for n in range(20)]
        times: dict[str, float] = {}

        with Fleet({}, options=good.options) as fleet:
            started = time.monotonic()
            seen = fleet.map([*hosts, good.host], lambda c: times.setdefault(c.host.name, time.monotonic() - started))
        assert set(seen.failures) == {host.name for host in hosts}
        assert times["box1"] < 3
