"""What a cache says about a Redis that does not do as it should."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.model.host import Cache as CacheAddress
from ozwald.state.cache import Cache
from ozwald.state.redis_link import RedisLink
from tests.real_redis import RealRedis


def cache_at(address: CacheAddress, provisioner: str) -> Cache:
    return Cache(RedisLink.at(address, provisioner))


def test_a_redis_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cache = cache_at(CacheAddress(address="127.0.0.1", port=port), "local")

    with pytest.raises(StateError, match=f"Redis at 127.0.0.1:{port} does not work.*see whether it runs"):
        cache.controller_id()


def test_a_server_that_speaks_no_redis_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_greets, args=(server,), daemon=True).start()

        with pytest.raises(StateError, match="does not work"):
            cache_at(CacheAddress(address="127.0.0.1", port=port), "local").controller_id()


def test_tls_where_there_is_none_says_what_to_check(tmp_path: Path) -> None:
    server = RealRedis(tmp_path)
    server.start()
    try:
        cache = cache_at(CacheAddress(address="127.0.0.1", port=server.port, tls=True), "local")
        with pytest.raises(StateError, match=r"check tls and ca_file|see whether it"):
            cache.controller_id()
    finally:
        server.kill()


def test_a_user_that_may_not_is_told_what_it_needs(tmp_path: Path) -> None:
    server = RealRedis(tmp_path)
    server.start()
    try:
        server.client.acl_setuser("ann", enabled=True, passwords=["+s3cret"], commands=["+hello", "+auth"])
        address = CacheAddress(address="127.0.0.1", port=server.port, username="ann", password="s3cret")
        with pytest.raises(StateError, match="allow its user") as caught:
            cache_at(address, "local").controller_id()
    finally:
        server.kill()
    assert "s3cret" not in str(caught.value)


def test_provisioners_do_not_see_each_others_keys(tmp_path: Path) -> None:
    server = RealRedis(tmp_path)
    server.start()
    try:
        cache_at(server.address, "one").share_id("c0ffee")
        assert cache_at(server.address, "two").controller_id() is None
        assert cache_at(server.address, "one").controller_id() == "c0ffee"
    finally:
        server.kill()


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A Redis behind TLS: its port and the certificate that it shows for 127.0.0.1."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 -subj /CN=redis"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    server = RealRedis(tmp_path)
    server.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_relays, args=(listener, context, server.port), daemon=True).start()
        yield listener.getsockname()[1], certificate
    server.kill()


def test_tls_works_with_the_certificate_that_the_settings_name(encrypted: tuple[int, Path]) -> None:
    port, certificate = encrypted
    cache = cache_at(CacheAddress(address="127.0.0.1", port=port, tls=True, ca_file=str(certificate)), "local")

    cache.share_id("c0ffee")

    assert cache.controller_id() == "c0ffee"


def test_tls_with_a_certificate_that_nobody_vouches_for_is_refused(encrypted: tuple[int, Path]) -> None:
    cache = cache_at(CacheAddress(address="127.0.0.1", port=encrypted[0], tls=True), "local")

    with pytest.raises(StateError, match="check tls and ca_file"):
        cache.controller_id()


def test_a_certificate_file_that_is_not_there_is_an_error(encrypted: tuple[int, Path]) -> None:
    address = CacheAddress(address="127.0.0.1", port=encrypted[0], tls=True, ca_file="/nowhere/ca.pem")

    with pytest.raises(StateError, match="does not work"):
        cache_at(address, "local").controller_id()


def _relays(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Serves one connection after the other, question by question."""
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with suppress(OSError):
                _relay(context.wrap_socket(plain, server_side=True), port)


def _relay(outer: socket.socket, port: int) -> None:
    with outer, socket.create_connection(("127.0.0.1", port)) as inner:
        while question := outer.recv(65536):
            inner.sendall(question)
            outer.sendall(inner.recv(65536))


def _greets(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    connection.close()
