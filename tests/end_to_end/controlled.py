"""A provisioner that keeps services running on lab hosts, and what the tests of it look at."""

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import redis

from ozwald.model.container import LABEL_FOOTPRINT
from ozwald.state.home import DataFolder
from ozwald.state.redis_server import EmbeddedRedis
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

KEY = "a-key-for-the-tests-that-is-long-enough"
IDLE = {"image": "lab/quick:1", "pull_policy": "never", "profiles": {"one": {"environment": {"N": 1}}, "two": None}}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(url: str, path: str, *, key: str = KEY) -> tuple[int, Any]:
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def left(lab: Lab, host: str = "box1") -> list[str]:
    """Everything that runs have made and that is still there."""
    marked = f"filters={quote(json.dumps({'label': [LABEL_FOOTPRINT]}))}"
    call = lab.hosts[host].engine.call
    return [
        *(one["Names"][0] for one in call("GET", f"/containers/json?all=1&{marked}")),
        *(one["Name"] for one in call("GET", f"/volumes?{marked}")["Volumes"] or []),
        *(one["Name"] for one in call("GET", f"/networks?{marked}")),
    ]


class Controlled:
    """One controller's process in the foreground, and the hosts it manages."""

    def __init__(self, user: User, lab: Lab, hosts: Iterable[str]) -> None:
        user.more["OZWALD_SYSTEM_KEY"] = KEY
        self.user, self.lab, self.hosts = user, lab, tuple(hosts)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def starts(self) -> None:
        """Starts the process and returns when it is healthy."""
        self._process = self.user.starts("start_provisioner", "--foreground", "--listen", f"127.0.0.1:{self.port}")
        assert eventually(lambda: self.ask("GET", "/health")[0] == 200, 30), self.ask("GET", "/health")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def redis(self) -> "redis.Redis":
        """Its embedded Redis."""
        server = EmbeddedRedis(DataFolder(self.user.folder / "state"), "local")
        return redis.Redis(unix_socket_path=str(server.socket), decode_responses=True)

    @property
    def redis_pid(self) -> int:
        """The process of its embedded Redis."""
        text = (self.user.folder / "state" / "redis" / "local" / "redis.pid").read_text()
        if not text:
            raise ProcessLookupError  # it is being written
        return int(text)

    def is_killed(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stops(self) -> float:
        """SIGTERM; returns how many seconds it took to end."""
        begun = time.monotonic()
        if self._process is not None and self.is_alive:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
        return time.monotonic() - begun

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and document of one call of the API, 0 where it does not answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def wants(self, *services: dict[str, str]) -> bool:
        """Asks for these services and no others; whether that was acknowledged."""
        return self.ask("POST", "/srv/services/active/update/", list(services))[0] == 202

    def statuses(self) -> dict[str, str]:
        """The status of each service by name."""
        return {one["name"]: one["status"] for one in self.services().values()}

    def services(self) -> dict[str, dict[str, Any]]:
        """What the API says of each service."""
        return {one["name"]: one for one in self.ask("GET", "/srv/services/active/")[1] or ()}

    def containers(self) -> list[tuple[str, str, str, str]]:
        """Host, name, profile and state of every container of a controller."""
        return sorted(
            (host, one["Names"][0].removeprefix("/ozsvc--default--"), one["Labels"]["ozwald.profile"], one["State"])
            for host in self.hosts
            for one in self.lab.hosts[host].engine.call("GET", "/containers/json?all=1")
            if "ozwald.profile" in one["Labels"]
        )

    def inspected(self, host: str, name: str) -> dict[str, Any]:
        """What the engine says of a service's container, nothing when there is none."""
        status, found = self.lab.hosts[host].engine.request("GET", f"/containers/ozsvc--default--{name}/json")
        return dict(found) if status == 200 else {}
