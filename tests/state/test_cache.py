"""What a cache says about a Redis that does not do as it should."""

import socket
import threading
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.model.host import Cache as CacheAddress
from ozwald.state.cache import Cache
from tests.real_redis import RealRedis


def test_a_redis_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cache = Cache.at(CacheAddress(address="127.0.0.1", port=port), "local")

    with pytest.raises(StateError, match=f"Redis at 127.0.0.1:{port} does not work.*see whether it runs"):
        cache.controller_id()


def test_a_server_that_speaks_no_redis_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_greets, args=(server,), daemon=True).start()

        with pytest.raises(StateError, match="does not work"):
            Cache.at(CacheAddress(address="127.0.0.1", port=port), "local").controller_id()


def test_tls_where_there_is_none_says_what_to_check(tmp_path: Path) -> None:
    server = RealRedis(tmp_path)
    server.start()
    try:
        cache = Cache.at(CacheAddress(address="127.0.0.1", port=server.port, tls=True), "local")
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
            Cache.at(address, "local").controller_id()
    finally:
        server.kill()
    assert "s3cret" not in str(caught.value)


def test_provisioners_do_not_see_each_others_keys(tmp_path: Path) -> None:
    server = RealRedis(tmp_path)
    server.start()
    try:
        Cache.at(server.address, "one").share_id("c0ffee")
        assert Cache.at(server.address, "two").controller_id() is None
        assert Cache.at(server.address, "one").controller_id() == "c0ffee"
    finally:
        server.kill()


def _greets(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    connection.close()
