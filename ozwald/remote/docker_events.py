"""What happens to our containers as the engine tells it: one pipe, read until the engine or the caller ends it."""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from ozwald.errors import EngineError, Failure, HostError
from ozwald.model.container import LABEL_CONTROLLER
from ozwald.remote import docker_failures
from ozwald.remote.docker_client import DockerClient
from ozwald.remote.docker_transport import exchange_heads
from ozwald.remote.engine import ContainerEvent, EventStream
from ozwald.remote.pipes import LinkLostError, Pipe
from ozwald.remote.text import clean

START_S: Final = 15.0
PIECE: Final = 64 * 1024
EVENT_BYTES: Final = 1 << 20  # every label of the container comes with each event
WHAT: Final = "following events"
ACTIONS: Final = ("start", "die", "health_status", "destroy", "oom")


def begin_events(client: DockerClient) -> EventStream:
    """See `ozwald.remote.engine.Engine.events`."""
    filters = {"type": ["container"], "event": list(ACTIONS), "label": [LABEL_CONTROLLER]}
    path = f"/v{client.api.api_version}/events?{urlencode({'filters': json.dumps(filters)})}"
    with client.call(WHAT, timeout_s=START_S):
        events = DockerEvents(client.host_name, client.dial(START_S))
        events.start(path)
    return events


class DockerEvents:
    """See `ozwald.remote.engine.EventStream`."""

    def __init__(self, host_name: str, pipe: Pipe) -> None:
        self._host_name = host_name
        self._pipe = pipe
        self._rest = b""
        self._closed = False

    def start(self, path: str) -> None:
        """Asks for the events; raises EngineError where the engine does not give them.

        HTTP/1.0 has no chunks.
        """
        try:
            request = f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n"
            head, self._rest = exchange_heads(self._pipe, request.encode(), START_S)
            status = int(head.split(b" ", 2)[1])
            if status != 200:
                raise self._refused(status)
        except BaseException as err:
            self._pipe.close()
            if isinstance(err, HostError) or not isinstance(err, docker_failures.BROKEN_ANSWERS):
                raise
            raise self._broken(err) from err

    def read(self) -> Sequence[ContainerEvent]:
        try:
            while b"\n" not in self._rest:
                if len(self._rest) > EVENT_BYTES:
                    raise ValueError("one event is larger than a mebibyte")
                piece = self._pipe.recv(PIECE, None)
                if not piece:
                    return ()
                self._rest += piece
            whole, _, self._rest = self._rest.rpartition(b"\n")
            return [_event(line) for line in whole.splitlines() if line.strip()]
        except (LinkLostError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as err:
            if self._closed:
                return ()
            raise self._broken(err) from err

    def close(self) -> None:
        self._closed = True
        self._pipe.close()

    def _refused(self, status: int) -> EngineError:
        message = f"{WHAT}: Docker answered {status}: {clean(self._rest.decode('utf-8', 'replace'))}"
        failure = Failure.RETRYABLE if status in docker_failures.TEMPORARY else Failure.TERMINAL
        return EngineError(self._host_name, message, failure=failure, status=status)

    def _broken(self, err: Exception) -> HostError:
        return docker_failures.unanswered(self._host_name, WHAT, err, failure=Failure.RETRYABLE, timeout_s=START_S)


def _event(line: bytes) -> ContainerEvent:
    """Reads one message of `GET /events`; a health event says `health_status: healthy`."""
    entry = json.loads(line)
    return ContainerEvent(container_id=str(entry["Actor"]["ID"]), action=str(entry["Action"]).partition(":")[0])
