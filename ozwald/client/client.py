# SPDX-License-Identifier: Apache-2.0
"""A client of one provisioner's HTTP API, on the standard library alone."""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

from ozwald.client.connection import Connections, Reply
from ozwald.client.documents import (
    ActiveService,
    Definition,
    Event,
    FootprintLog,
    FootprintRequest,
    Health,
    HostFacts,
    LaunchLog,
    MeasuredService,
    Prune,
    ServiceLog,
    Status,
    Wanted,
)
from ozwald.client.errors import ApiError, NoAnswer
from ozwald.client.words import query_of, read_document, who_headers

DEFAULT_URL = "http://127.0.0.1:8000"


class Client:
    """Calls one provisioner. May be used by several threads; connections are kept open between calls.

    `key` is the provisioner's OZWALD_SYSTEM_KEY; `author` and `command` say who asks, for events
    and history. `timeout_s` bounds each wait for bytes. Every method raises
    `ApiError` when the provisioner refuses and `NoAnswer` when there is no answer. With `with`, it is closed at the
    end. `connect` makes the connections where the address cannot be reached directly, for instance through SSH; it
    raises OSError.

    Raises:
        ValueError: the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        key: str = "",
        author: str = "",
        command: str = "",
        timeout_s: float = 10.0,
        connect: Callable[[], socket.socket] | None = None,
    ) -> None:
        if not key.isascii() or any(ord(character) <= 32 for character in key):
            raise ValueError("the key has characters that no HTTP header can carry")
        self._connections = Connections(url, timeout_s=timeout_s, connect=connect)
        self._key = key
        self._who = {name: text for name, text in who_headers(author, command).items() if text}
        # The tag, generation and services of the list that was read last.
        self._active: tuple[str, int, list[ActiveService]] = ("", 0, [])
        self.url = self._connections.url

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept; the client can still be used."""
        self._connections.close()

    def health(self) -> Health:
        """Whether the provisioner is well; needs no key, and being unwell is no error."""
        return cast(Health, self._object("GET", "/health", accept=(200, 503)))

    def configured(self) -> list[Definition]:
        """Every service definition."""
        return cast(list[Definition], self._list("/srv/services/configured/"))

    def active(self) -> list[ActiveService]:
        """Every active service; the list travels only when it has changed since it was last read."""
        return list(self._read_active()[2])

    def one_active(self, name: str) -> ActiveService:
        """One active service by `[REALM:]NAME`; one that is not there is an ApiError of status 404."""
        return cast(ActiveService, self._object("GET", f"/srv/services/active/{quote(name, safe=':')}/"))

    def generation(self) -> int:
        """The generation of the wanted set that the list of active services shows."""
        return self._read_active()[1]

    def update(self, wanted: Sequence[Mapping[str, object]], *, expected: int | None = None) -> int:
        """Asks for exactly these instances and returns the generation, which is durable by then.

        Each is a `WantedInstance`. `expected` is the generation that the caller knows; another one is refused with
        status 409. After NoAnswer it is not known whether it was done; the same may be asked again without harm.
        """
        return self._ask_for("/srv/services/active/update/", list(wanted), expected)

    def restart(self, names: Sequence[str], *, expected: int | None = None) -> int:
        """Asks for a restart of these instances, each `[REALM:]NAME`, and returns the generation, which is durable.

        `expected` is as for `update`. Asked for again before it is done, it is done once.
        """
        return self._ask_for("/srv/services/restart/", list(names), expected)

    def wanted(self) -> Wanted:
        """What is stored as wanted: `generation` and `instances`."""
        return cast(Wanted, self._object("GET", "/srv/services/wanted/"))

    def status(self) -> Status:
        """How loop, Redis, hosts and services are."""
        return cast(Status, self._object("GET", "/srv/status/"))

    def resources(self, hosts: str | None = None, *, refresh: bool = False) -> list[HostFacts]:
        """The hosts' facts, with their age; `hosts` is a pattern.

        `refresh` has these hosts looked at again; newer facts are there some seconds later.
        """
        query = query_of({"host": hosts, "refresh": "1" if refresh else None})
        return cast(list[HostFacts], self._list(f"/srv/host/resources{query}"))

    def events(
        self,
        *,
        host: str | None = None,
        service: str | None = None,
        since: str | None = None,
        limit: int | None = None,
        after: int | None = None,
        wait_s: int = 0,
    ) -> list[Event]:
        """What happened, oldest first: the newest `limit`, or with `after`, an event's id, the first after that.

        With `after` it waits up to `wait_s` seconds, at most 20, for something to happen. `since` is `10m` or a date
        and time.
        """
        asked = {"host": host, "service": service, "since": since, "limit": limit, "after": after}
        asked["wait"] = None if after is None else wait_s
        return cast(list[Event], self._list(f"/srv/events/{query_of(asked)}", more_s=wait_s))

    def service_logs(self, name: str, *, top: int | None = None, last: int | None = None, **choice: str) -> ServiceLog:
        """What `[REALM:]NAME` has written, as far as the provisioner keeps it; an ApiError of status 404 when not.

        The first `top` or the `last` lines, at most 10,000; `choice` may name a `realm`, `variety` and `profile`.
        """
        query = query_of({"top": top, "last": last, **choice})
        return cast(ServiceLog, self._object("GET", f"/srv/services/logs/{quote(name, safe=':')}/{query}"))

    def launch_logs(self, name: str, *, top: int | None = None, last: int | None = None, **choice: str) -> LaunchLog:
        """How `[REALM:]NAME` was started; the arguments are those of `service_logs`."""
        query = query_of({"top": top, "last": last, **choice})
        return cast(LaunchLog, self._object("GET", f"/srv/services/launch-logs/{quote(name, safe=':')}/{query}"))

    def footprint_requests(self) -> list[FootprintRequest]:
        """The requests for footprints that wait or are measured, and the last ones that have ended, oldest first."""
        return cast(list[FootprintRequest], self._list("/srv/services/footprint"))

    def footprint(
        self,
        services: Sequence[MeasuredService] = (),
        *,
        everything: bool = False,
        host: str | None = None,
        run_time_s: float | None = None,
    ) -> str:
        """Asks for these services, or for `everything`, to be measured, and returns the request's id, durable by then.

        `host` is a pattern; `run_time_s` is how long each rests once it is available.
        """
        body: dict[str, Any] = {"host": host, "run_time_s": run_time_s}
        body |= {"footprint_all_services": True} if everything else {"services": list(services)}
        return str(self._object("POST", "/srv/services/footprint", body=body, accept=(202,))["request_id"])

    def cancel_footprint(self, request_id: str) -> FootprintRequest:
        """Cancels a request; one that is not there is an ApiError of status 404."""
        path = f"/srv/services/footprint/{quote(request_id, safe='')}"
        return cast(FootprintRequest, self._object("DELETE", path))

    def footprint_container_log(
        self, service: str, *, top: int | None = None, last: int | None = None, **choice: str
    ) -> FootprintLog:
        """What the container of a definition wrote when it was measured last; an ApiError of status 404 when never.

        `choice` may name a `realm`, `variety` and `profile`.
        """
        return self._footprint_log("container", service, {"top": top, "last": last, **choice})

    def footprint_runner_log(
        self, service: str, *, top: int | None = None, last: int | None = None, **choice: str
    ) -> FootprintLog:
        """What was done to measure a definition; the arguments are those of `footprint_container_log`."""
        return self._footprint_log("runner", service, {"top": top, "last": last, **choice})

    def prune(
        self,
        hosts: str | None = None,
        *,
        volumes: bool = False,
        dry_run: bool = False,
        plan: str | None = None,
        wait_s: float | None = None,
    ) -> str:
        """Asks for the removal of what the controller made and nobody uses, and returns the request's id.

        `hosts` is a pattern. `plan` is the id of a dry run that has ended: what it found is removed and nothing else,
        and `hosts` and the switches are left out. `wait_s` is how long a host is waited for where work is in hand.
        """
        order = {"host": hosts, "volumes": volumes, "dry_run": dry_run, "plan": plan, "wait_s": wait_s}
        said = {name: value for name, value in order.items() if value is not None and value is not False}
        return str(self._object("POST", "/srv/prune/", body=said, accept=(202,))["prune_id"])

    def prune_state(self, prune_id: str) -> Prune:
        """How far a request to prune is; one that is not known is an ApiError of status 404."""
        return cast(Prune, self._object("GET", f"/srv/prune/{quote(prune_id, safe='')}/"))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the provisioner's routes."""
        return self._object("GET", "/openapi.json")

    def _ask_for(self, path: str, body: list[Any], expected: int | None) -> int:
        headers = {} if expected is None else {"If-Match": str(expected)}
        return int(self._object("POST", path, body=body, headers=headers, accept=(202,))["generation"])

    def _footprint_log(self, kind: str, service: str, asked: Mapping[str, Any]) -> FootprintLog:
        path = f"/srv/services/footprint-logs/{kind}/{quote(service, safe='')}/{query_of(asked)}"
        return cast(FootprintLog, self._object("GET", path))

    def _read_active(self) -> tuple[str, int, list[ActiveService]]:
        tag, _, known = self._active
        headers = {"If-None-Match": tag} if tag else {}
        reply, document = self._call("GET", "/srv/services/active/", headers=headers, accept=(200, 304))
        services = known if reply.status == 304 else document
        if not isinstance(services, list):
            raise self._stranger()
        self._active = reply.headers.get("etag", ""), int(reply.headers.get("x-ozwald-generation", 0)), services
        return self._active

    def _list(self, path: str, **more: Any) -> list[Any]:
        _, document = self._call("GET", path, **more)
        if not isinstance(document, list):
            raise self._stranger()
        return document

    def _object(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        _, document = self._call(method, path, **more)
        if not isinstance(document, dict):
            raise self._stranger()
        return document

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[int] = (200,),
        more_s: float = 0.0,
    ) -> tuple[Reply, Any]:
        """Sends one request and reads its JSON; `more_s` is how much longer than usual an answer may take."""
        content = None if body is None else json.dumps(body).encode()
        reply = self._connections.send(method, path, content, self._headers(content, headers), more_s=more_s)
        document = read_document(reply.content)
        if reply.status not in accept:
            detail = document.get("detail") if isinstance(document, dict) else None
            raise ApiError(reply.status, str(detail or f"{self.url} answered {reply.status}"))
        return reply, document

    def _headers(self, content: bytes | None, more: Mapping[str, str] | None) -> dict[str, str]:
        found = {"Accept": "application/json", **(more or {})}
        if self._key:
            found["Authorization"] = f"Bearer {self._key}"
        if content is not None:
            found |= {"Content-Type": "application/json", **self._who}
        return found

    def _stranger(self) -> NoAnswer:
        return NoAnswer(f"what answers at {self.url} is no provisioner")
