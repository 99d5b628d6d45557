"""The embedded Redis comes up whatever was left behind, and goes with its controller."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ozwald.state import redis_keeper, redis_server
from ozwald.state.home import DataFolder
from ozwald.state.redis_keeper import RedisKeeper
from ozwald.state.redis_server import EmbeddedRedis
from tests.waiting import eventually

CONTROLLER = """\
import sys, time
from pathlib import Path
from ozwald.state.home import DataFolder
from ozwald.state.redis_server import EmbeddedRedis
server = EmbeddedRedis(DataFolder(Path(sys.argv[1])), "local")
server.start()
print(server._process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    made = EmbeddedRedis(DataFolder(tmp_path / "home"), "local")
    yield made
    made.stop()


def client(server: EmbeddedRedis) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(server.socket), decode_responses=True)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_answers_on_a_socket_of_its_owner_alone_and_keeps_what_it_holds(server: EmbeddedRedis) -> None:
    server.start()
    client(server).set("a", "1")
    mode = stat.S_IMODE(server.socket.stat().st_mode)
    server.stop()
    server.start()

    assert mode == 0o600
    assert client(server).get("a") == "1"


def test_a_stale_socket_is_no_obstacle(server: EmbeddedRedis) -> None:
    server.socket.write_text("")

    server.start()

    assert client(server).ping()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    server = EmbeddedRedis(DataFolder(tmp_path / ("long" * 30)), "local")
    server.start()
    try:
        assert client(server).ping()
        assert len(os.fsencode(server.socket)) <= redis_server.LONGEST_SOCKET_PATH
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    finally:
        server.stop()


@pytest.mark.parametrize("damage", ["manifest", "1.incr.aof"])
def test_a_damaged_file_is_moved_aside(
    server: EmbeddedRedis, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.start()
    for number in range(200):
        client(server).set(f"key{number}", "x" * 50)
    server.stop()
    kept = tmp_path / "home" / "redis" / "local" / "appendonlydir"
    with (kept / f"appendonly.aof.{damage}").open("r+b") as file:
        file.seek(30)
        file.write(b"no Redis wrote this")

    server.start()

    assert client(server).dbsize() == 0
    assert (kept.parent / "appendonlydir.damaged").is_dir()
    assert "moved to" in caplog.text


def test_a_file_that_was_cut_short_loses_only_its_end(server: EmbeddedRedis, tmp_path: Path) -> None:
    server.start()
    for number in range(20):
        client(server).set(f"key{number}", "x" * 50)
    server.stop()
    file = tmp_path / "home" / "redis" / "local" / "appendonlydir" / "appendonly.aof.1.incr.aof"
    os.truncate(file, file.stat().st_size - 20)

    server.start()

    assert client(server).dbsize() == 19


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
def test_on_a_full_disk_it_works_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", full], check=True)
    server = EmbeddedRedis(DataFolder(full), "local")
    try:
        (full / "fill").write_bytes(bytes(os.statvfs(full).f_bavail * os.statvfs(full).f_frsize))
        server.start()
        assert client(server).set("a", "1")
        assert "in memory" in caplog.text
    finally:
        server.stop()
        subprocess.run(["umount", full], check=True)


def killed_controller(home: Path) -> int:
    """Kills a controller that has started a server, and returns the server's process id."""
    words = [sys.executable, "-c", CONTROLLER, str(home)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as controller:
        assert controller.stdout
        pid = int(controller.stdout.readline())
        controller.kill()
    return pid


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_dies_with_its_controller(tmp_path: Path) -> None:
    pid = killed_controller(tmp_path)

    assert eventually(lambda: not is_alive(pid), 3.0)


def test_what_a_killed_controller_left_is_ended_first(server: EmbeddedRedis) -> None:
    server.start()
    assert server._process
    left = server._process
    left.send_signal(signal.SIGSTOP)
    again = EmbeddedRedis(DataFolder(server.log_path.parents[2]), "local")
    waiting = threading.Thread(target=left.wait, daemon=True)  # the init of another machine would do that
    waiting.start()

    again.start()

    try:
        assert left.poll() is not None
        assert client(again).ping()
    finally:
        again.stop()


def test_a_process_that_only_has_its_number_is_left_alone(server: EmbeddedRedis) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (server.log_path.parent / "redis.pid").write_text(f"{other.pid}\n")

        server.start()

        assert other.poll() is None
        other.kill()


def test_one_that_dies_is_started_again_with_what_it_held(server: EmbeddedRedis) -> None:
    keeper = RedisKeeper(server)
    keeper.start()
    try:
        client(server).set("a", "1")
        client(server).execute_command("WAITAOF", 1, 0, 5000)  # type: ignore[no-untyped-call]
        assert server._process
        server._process.kill()
        server._process.wait()

        assert eventually(lambda: server.is_running() and server.answers())
        assert client(server).get("a") == "1"
    finally:
        keeper.stop()
    assert not server.is_running()


def test_one_that_hangs_for_long_is_started_again(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_keeper, "ASK_EVERY_S", 0.1)
    monkeypatch.setattr(redis_keeper, "HUNG_S", 1.0)
    keeper = RedisKeeper(server)
    keeper.start()
    try:
        assert server._process
        hung = server._process
        hung.send_signal(signal.SIGSTOP)

        assert eventually(lambda: hung.poll() is not None and server.is_running() and server.answers(), 15.0)
    finally:
        keeper.stop()


def test_its_log_stays_small(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "MAX_LOG_BYTES", 10)
    server.start()
    with server.log_path.open("ab") as file:
        file.write(b"x" * 100_000)

    server.bound_log()

    assert server.log_path.stat().st_size < 10_000
