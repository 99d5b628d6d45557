"""The Docker Engine of one host, through the Docker SDK over pipes of the host's connection."""

import json
import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import quote

import docker
import docker.errors
import requests

from ozwald.errors import Failure, HostError
from ozwald.model.container import Activity, ContainerState, ObservedContainer
from ozwald.model.resources import DockerFacts
from ozwald.remote import docker_answers, docker_failures
from ozwald.remote.docker_transport import BASE_URL, CallLimits, Dial, PipeAdapter
from ozwald.remote.engine import PullProgress

log = logging.getLogger(__name__)

READ_S: Final = 15.0
CHANGE_S: Final = 60.0
LOAD_S: Final = 1800.0
LOG_PIECE: Final = 64 * 1024
OLDEST_API: Final = (1, 40)
NEWEST_API: Final = (1, 44)  # the newest this room's bodies and answers were checked with


class DockerEngine:
    """See `Engine`. May be used by several threads; each call has a pipe of its own."""

    def __init__(self, host_name: str, client: docker.APIClient, limits: CallLimits) -> None:
        self.host_name = host_name
        self._client = client
        self._limits = limits
        self._networks_lock = threading.Lock()

    @classmethod
    def over(cls, host_name: str, dial: Dial) -> Self:
        """An engine whose requests travel over pipes from `dial`; asks it once which API it speaks."""
        limits = CallLimits()
        adapter = PipeAdapter(dial, limits)
        asking = cls(host_name, _client(adapter, "1.41"), limits)
        with asking._call("asking for the API version", timeout_s=READ_S):
            version = negotiated(host_name, asking._client.version(api_version=False))
        return cls(host_name, _client(adapter, version), limits)

    def close(self) -> None:
        self._client.close()

    def ping(self) -> None:
        with self._call("ping", timeout_s=5.0):
            self._client.ping()

    def facts(self) -> DockerFacts:
        with self._call("asking for its facts", timeout_s=READ_S):
            return docker_answers.facts(self._client.info(), self._client.version())

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        with self._call("listing containers", timeout_s=READ_S):
            return tuple(docker_answers.container(entry) for entry in self._client.containers(all=True))

    def state(self, container_id: str) -> ContainerState | None:
        with self._call("inspecting a container", timeout_s=READ_S):
            try:
                return docker_answers.state(self._client.inspect_container(container_id))
            except docker.errors.NotFound:
                return None

    def activity(self, container_id: str) -> Activity:
        with self._call("reading a container's statistics", timeout_s=READ_S):
            try:
                return docker_answers.activity(self._client.stats(container_id, stream=False, one_shot=True))
            except docker.errors.NotFound:
                return Activity()

    def image_id(self, reference: str) -> str | None:
        with self._call(f"looking for image {reference}", timeout_s=READ_S):
            try:
                return str(self._client.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None] | None = None,
        *,
        timeout_s: float = 3600.0,
        stall_s: float = 120.0,
    ) -> str:
        with self._call(f"pulling image {reference}", timeout_s=timeout_s, stall_s=stall_s):
            for message in self._client.pull(reference, stream=True, decode=True):
                if "error" in message:
                    raise docker_failures.pull_failed(self.host_name, reference, str(message["error"]))
                if on_progress is not None:
                    on_progress(docker_answers.pull_progress(reference, message))
        pulled = self.image_id(reference)
        if pulled is None:
            raise docker_failures.pull_failed(self.host_name, reference, "the pull ended without the image")
        log.info("%s: pulled image %s", self.host_name, reference)
        return pulled

    def load_image(self, archive: Iterable[bytes]) -> tuple[str, ...]:
        loaded = []
        with self._call("loading an image", timeout_s=LOAD_S, stall_s=CHANGE_S, changes=True):
            for message in self._client.load_image(archive):  # type: ignore[no-untyped-call]
                if "error" in message:
                    raise docker_failures.load_failed(self.host_name, str(message["error"]))
                _, found, reference = str(message.get("stream", "")).partition("Loaded image: ")
                if found:
                    loaded.append(reference.strip())
        log.info("%s: loaded images %s", self.host_name, loaded)
        return tuple(loaded)

    def networks(self) -> tuple[str, ...]:
        with self._call("listing networks", timeout_s=READ_S):
            return tuple(str(network["Name"]) for network in self._client.networks())

    def ensure_network(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        driver: str | None = None,
        internal: bool = False,
    ) -> None:
        # Docker lets calls that come together make several networks of one name, which then serve nobody.
        with self._networks_lock, self._call(f"creating network {name}", timeout_s=CHANGE_S, changes=True):
            if any(network["Name"] == name for network in self._client.networks(names=[name])):
                return
            try:
                self._client.create_network(
                    name, driver=driver, labels=dict(labels or {}), internal=internal, check_duplicate=True
                )
            except docker.errors.APIError as err:
                if err.status_code != 409:
                    raise
                return
        log.info("%s: created network %s", self.host_name, name)

    def volumes(self) -> tuple[str, ...]:
        with self._call("listing volumes", timeout_s=READ_S):
            return tuple(str(volume["Name"]) for volume in self._client.volumes()["Volumes"] or ())

    def ensure_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        with self._call(f"creating volume {name}", timeout_s=CHANGE_S, changes=True):
            self._client.create_volume(name, labels=dict(labels or {}))

    def remove_volume(self, name: str) -> None:
        with self._call(f"removing volume {name}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.remove_volume(name)
            except docker.errors.NotFound:
                return

    def put_archive(self, container_id: str, path: str, archive: Iterable[bytes]) -> None:
        with self._call(f"copying files to {path}", timeout_s=LOAD_S, stall_s=CHANGE_S, changes=True):
            self._client.put_archive(container_id, path, archive)

    def create(self, name: str, config: Mapping[str, object]) -> str:
        if not _is_text(config):
            raise docker_failures.not_text(self.host_name, name)
        with self._call(f"creating container {name}", timeout_s=CHANGE_S, changes=True):
            try:
                made = self._client.create_container_from_config(dict(config), name)  # type: ignore[no-untyped-call]
                container_id = str(made["Id"])
            except docker.errors.ImageNotFound as err:
                raise docker_failures.no_image(self.host_name, str(config.get("Image"))) from err
            except docker.errors.APIError as err:
                raise docker_failures.name_taken(self.host_name, name, err) from err
        log.info("%s: created container %s", self.host_name, name)
        return container_id

    def connect(self, network: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        with self._call(f"connecting a container to network {network}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.connect_container_to_network(container_id, network, aliases=list(aliases))
            except docker.errors.APIError as err:
                if "already exists in network" not in str(err.explanation):
                    raise

    def start(self, container_id: str) -> None:
        with self._call("starting a container", timeout_s=CHANGE_S * 2, changes=True):
            self._client.start(container_id)
        log.info("%s: started container %.12s", self.host_name, container_id)

    def stop(self, container_id: str, grace_s: float = 10.0) -> None:
        grace = math.ceil(grace_s)
        with self._call("stopping a container", timeout_s=CHANGE_S + grace, changes=True):
            self._client.stop(container_id, timeout=grace)
        log.info("%s: stopped container %.12s", self.host_name, container_id)

    def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        with self._call("removing a container", timeout_s=CHANGE_S * 2, changes=True):
            try:
                self._client.remove_container(container_id, force=force, v=volumes)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as err:
                if "already in progress" not in str(err.explanation):
                    raise
        log.info("%s: removed container %.12s", self.host_name, container_id)

    def rename(self, container_id: str, name: str) -> None:
        with self._call(f"renaming a container to {name}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.rename(container_id, name)
            except docker.errors.APIError as err:
                raise docker_failures.name_taken(self.host_name, name, err) from err
        log.info("%s: renamed container %.12s to %s", self.host_name, container_id, name)

    def logs(
        self,
        container_id: str,
        *,
        tail: int | None = None,
        head: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
        limit_bytes: int = 8 << 20,
    ) -> bytes:
        options: dict[str, str] = {"stdout": "1", "stderr": "1", "tail": "all" if tail is None else str(tail)}
        options |= {"timestamps": "1"} if timestamps else {}
        options |= {"since": f"{since:.9f}"} if since is not None else {}
        url = f"{BASE_URL}/v{self._client.api_version}/containers/{quote(container_id, safe='')}/logs"
        with (
            self._call("reading a container's log", timeout_s=CHANGE_S),
            self._client.get(url, params=options, stream=True) as answer,
        ):
            _raise_for_status(answer)
            return docker_answers.log_text(answer.iter_content(LOG_PIECE), head=head, limit_bytes=limit_bytes)

    @contextmanager
    def _call(self, what: str, *, timeout_s: float, stall_s: float = math.inf, changes: bool = False) -> Iterator[None]:
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


def negotiated(host_name: str, answer: Mapping[str, Any]) -> str:
    """The API version to speak: the engine's, at most the newest known here, at least what it insists on."""
    newest = min(_numbers(answer["ApiVersion"]), NEWEST_API)
    chosen = max(newest, _numbers(answer.get("MinAPIVersion") or "1.12"))
    if chosen < OLDEST_API:
        raise docker_failures.too_old(host_name, str(answer["ApiVersion"]))
    return ".".join(map(str, chosen))


def _numbers(version: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))


def _client(adapter: PipeAdapter, version: str) -> docker.APIClient:
    client = docker.APIClient(base_url=BASE_URL, version=version, timeout=None)  # type: ignore[arg-type]
    client.trust_env = False
    client.mount(BASE_URL, adapter)
    return client


def _raise_for_status(answer: requests.Response) -> None:
    try:
        answer.raise_for_status()
    except requests.HTTPError as err:
        docker.errors.create_api_error_from_http_exception(err)


def _is_text(config: Mapping[str, object]) -> bool:
    try:
        json.dumps(config, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
