"""A few calls of the Docker Engine API on a unix socket, without any package."""

import http.client
import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.lab.errors import LabError


class Engine:
    """One host's engine. Each call is a connection of its own."""

    def __init__(self, path: str, *, timeout_s: float = 30.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        try:
            return self.request("GET", "/_ping")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def request(
        self, method: str, path: str, body: object = None, *, tarball: Iterable[bytes] | None = None
    ) -> tuple[int, Any]:
        """Status and decoded answer: JSON where it is JSON, else text."""
        connection = _UnixConnection(self._path, timeout_s=self._timeout_s)
        content = json.dumps(body).encode() if body is not None else tarball
        headers = {"Content-Type": "application/x-tar" if tarball is not None else "application/json"}
        try:
            connection.request(method, path, body=content, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(text) if is_json and text.count("\n") <= 1 and text else text

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer; raises LabError unless the status is below 400."""
        status, answer = self.request(method, path, body)
        if status >= 400:
            raise LabError(f"{method} {path}: {status} {answer}")
        return answer

    def load(self, tarball: Path) -> None:
        with tarball.open("rb") as file:
            status, answer = self.request("POST", "/images/load?quiet=1", tarball=file)
        if status >= 400 or "errorDetail" in str(answer):
            raise LabError(f"loading {tarball}: {status} {answer}")

    def run(self, image: str, *, name: str | None = None, **config: object) -> str:
        """Creates and starts a container, `config` as in the API's ContainerCreate; returns its id."""
        query = f"?name={quote(name)}" if name else ""
        made = self.call("POST", f"/containers/create{query}", {"Image": image, **config})
        self.call("POST", f"/containers/{made['Id']}/start")
        return str(made["Id"])

    def clean(self) -> None:
        """Removes every container, every network that is not predefined, and every volume."""
        for container in self.call("GET", "/containers/json?all=1"):
            self._remove(f"/containers/{container['Id']}?force=1&v=1")
        for network in self.call("GET", "/networks"):
            if network["Name"] not in ("bridge", "host", "none"):
                self._remove(f"/networks/{network['Id']}")
        for volume in self.call("GET", "/volumes")["Volumes"] or []:
            self._remove(f"/volumes/{quote(volume['Name'])}?force=1")

    def _remove(self, path: str) -> None:
        status, answer = self.request("DELETE", path)
        if status >= 400 and status not in (404, 409):
            raise LabError(f"DELETE {path}: {status} {answer}")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
