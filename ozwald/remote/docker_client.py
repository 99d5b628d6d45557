"""The Docker SDK over pipes of a host's connection: every call with a deadline, every failure one of ours."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

import docker
import docker.errors
import requests

from ozwald.errors import Failure, HostError
from ozwald.remote import docker_failures
from ozwald.remote.docker_transport import BASE_URL, CallLimits, Dial, PipeAdapter

READ_S: Final = 15.0
OLDEST_API: Final = (1, 40)
NEWEST_API: Final = (1, 44)  # the newest this room's bodies and answers were checked with
API_VERSION: Final = re.compile(r"\d{1,3}\.\d{1,3}")


class DockerClient:
    """One engine's API. May be used by several threads; each call has a pipe of its own, from `dial`."""

    def __init__(self, host_name: str, api: docker.APIClient, limits: CallLimits, dial: Dial) -> None:
        self.host_name = host_name
        self.api = api
        self.dial = dial
        self._limits = limits

    @classmethod
    def over(cls, host_name: str, dial: Dial) -> Self:
        """A client for the API version that both sides know; asks the engine for its own."""
        limits = CallLimits()
        adapter = PipeAdapter(dial, limits)
        newest = ".".join(map(str, NEWEST_API))
        asking = cls(host_name, _api(adapter, newest), limits, dial)
        with asking.call("asking for the API version", timeout_s=READ_S):
            spoken = _spoken(host_name, asking.api, newest)
        return asking if spoken == newest else cls(host_name, _api(adapter, spoken), limits, dial)

    @property
    def api_numbers(self) -> tuple[int, ...]:
        """The API version that is spoken, as `(1, 41)`."""
        return _numbers(self.api.api_version)

    def drop_idle(self) -> None:
        """Closes the pipes that wait for the next call, which opens a new one."""
        adapter = self.api.get_adapter(BASE_URL)
        if isinstance(adapter, PipeAdapter):
            adapter.drop_idle()

    @contextmanager
    def call(self, what: str, *, timeout_s: float, stall_s: float = math.inf, changes: bool = False) -> Iterator[None]:
        """Bounds the requests made in the block and translates what goes wrong with them."""
        try:
            with self._limits.call(timeout_s=timeout_s, stall_s=stall_s):
                yield
        except HostError:
            raise
        except docker.errors.APIError as err:
            raise docker_failures.answered(self.host_name, what, err) from err
        except docker_failures.BROKEN_ANSWERS as err:
            failure = Failure.UNKNOWN if changes and self._limits.sent else Failure.RETRYABLE
            limit_s = min(timeout_s, stall_s)
            raise docker_failures.unanswered(self.host_name, what, err, failure=failure, timeout_s=limit_s) from err


def raise_for_status(answer: requests.Response) -> None:
    """Raises APIError where the engine refused."""
    try:
        answer.raise_for_status()
    except requests.HTTPError as err:
        docker.errors.create_api_error_from_http_exception(err)


def is_text(body: Mapping[str, object]) -> bool:
    """Whether JSON can carry it: JSON is UTF-8."""
    try:
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def negotiated(host_name: str, answer: Mapping[str, Any]) -> str:
    """The API version to speak: the engine's, at most the newest known here, at least what it insists on."""
    newest = min(_numbers(answer["ApiVersion"]), NEWEST_API)
    chosen = max(newest, _numbers(answer.get("MinAPIVersion") or "1.12"))
    if chosen < OLDEST_API:
        raise docker_failures.too_old(host_name, str(answer["ApiVersion"]))
    return ".".join(map(str, chosen))


def _spoken(host_name: str, api: docker.APIClient, newest: str) -> str:
    """Every answer names the engine's own version. It refuses one that is too new or too old for it."""
    answer = api.get(f"{BASE_URL}/v{newest}/_ping")
    own = API_VERSION.fullmatch(answer.headers.get("Api-Version", ""))
    if own and (answer.ok or _numbers(own[0]) < NEWEST_API):
        return negotiated(host_name, {"ApiVersion": own[0]})
    return negotiated(host_name, api.version(api_version=False))


def _numbers(version: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))


def _api(adapter: PipeAdapter, version: str) -> docker.APIClient:
    client = docker.APIClient(base_url=BASE_URL, version=version, timeout=None)  # type: ignore[arg-type]
    client.trust_env = False
    client.mount(BASE_URL, adapter)
    return client
