"""The Docker Engine of one host, through the Docker SDK over pipes of the host's connection."""

import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self
from urllib.parse import quote

import docker.errors

from ozwald.errors import EngineError, Failure
from ozwald.model.belongings import ObservedNetwork, ObservedVolume
from ozwald.model.container import Activity, ContainerDetails, ContainerState, ObservedContainer, ObservedImage
from ozwald.model.resources import DockerFacts
from ozwald.remote import container_details, docker_answers, docker_facts, docker_failures
from ozwald.remote.container_config import update_body
from ozwald.remote.docker_client import READ_S, DockerClient, is_text, raise_for_status
from ozwald.remote.docker_events import begin_events
from ozwald.remote.docker_transport import BASE_URL, Dial
from ozwald.remote.engine import PULL_S, EventStream, Exec, Limits, LogStream, PullProgress
from ozwald.remote.together import Together

log = logging.getLogger(__name__)

CHANGE_S: Final = 60.0
NETWORK_TRIES: Final = 20
BETWEEN_TRIES_S: Final = (0.02, 0.2)
SEND_S: Final = 4 * 3600.0  # 4 GiB, the most that is sent, at 2.5 Mbit/s
MEASURE_S: Final = 120.0
LOOKS_AT_ONCE: Final = 8  # each may be a session of its own, of which sshd allows ten


class DockerEngine:
    """See `Engine`. May be used by several threads; each call has a pipe of its own."""

    def __init__(self, client: DockerClient) -> None:
        self.host_name = client.host_name
        self._client = client
        self._together = Together()

    @classmethod
    def over(cls, host_name: str, dial: Dial) -> Self:
        """An engine whose requests travel over pipes from `dial`; asks it once which API it speaks."""
        return cls(DockerClient.over(host_name, dial))

    def close(self) -> None:
        self._client.api.close()

    def drop_idle(self) -> None:
        """Closes pipes that no call uses just now."""
        self._client.drop_idle()

    def ping(self) -> None:
        with self._client.call("ping", timeout_s=5.0):
            self._client.api.ping()

    def facts(self) -> DockerFacts:
        with self._client.call("asking for its facts", timeout_s=READ_S):
            answer = self._client.api.get(f"{BASE_URL}/v{self._client.api.api_version}/info")
            raise_for_status(answer)
            return docker_facts.facts(answer.json(), answer.headers)

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        with self._client.call("listing containers", timeout_s=READ_S):
            return tuple(docker_answers.container(entry) for entry in self._client.api.containers(all=True))

    def state(self, container_id: str) -> ContainerState | None:
        entry = self._inspect(container_id)
        return docker_answers.state(entry) if entry else None

    def details(self, container_ids: Iterable[str]) -> tuple[ContainerDetails, ...]:
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            entries = [entry for entry in pool.map(self._inspect, container_ids) if entry]
            references = {entry["Image"] for entry in entries}
            images = dict(zip(references, pool.map(self._image, references), strict=True))
        api = self._client.api_numbers
        return tuple(container_details.details(entry, images[entry["Image"]], api=api) for entry in entries)

    def _inspect(self, container_id: str) -> Any:
        with self._client.call("inspecting a container", timeout_s=READ_S):
            try:
                return self._client.api.inspect_container(container_id)
            except docker.errors.NotFound:
                return None

    def _image(self, reference: str) -> Any:
        with self._client.call(f"looking for image {reference}", timeout_s=READ_S):
            try:
                return self._client.api.inspect_image(reference)  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None

    def registry_digest(self, reference: str) -> str:
        with self._client.call(f"asking the registry for {reference}", timeout_s=CHANGE_S):
            answer = self._client.api.inspect_distribution(reference)  # type: ignore[no-untyped-call]
            return str(answer["Descriptor"]["digest"])

    def update(self, container_id: str, limits: Limits) -> None:
        url = f"{BASE_URL}/v{self._client.api.api_version}/containers/{quote(container_id, safe='')}/update"
        with (
            self._client.call("changing a container's limits", timeout_s=CHANGE_S, changes=True),
            self._client.api.post(url, json=update_body(limits)) as answer,
        ):
            raise_for_status(answer)
        log.info("%s: changed the limits of container %.12s", self.host_name, container_id)

    def activity(self, container_id: str) -> Activity:
        with self._client.call("reading a container's statistics", timeout_s=READ_S):
            try:
                return docker_answers.activity(self._client.api.stats(container_id, stream=False, one_shot=True))
            except docker.errors.NotFound:
                return Activity()

    def image(self, reference: str) -> ObservedImage | None:
        image = self._together.ask(f"image {reference}", lambda: self._image(reference))
        return docker_answers.image(image) if image else None

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None] | None = None,
        *,
        timeout_s: float = PULL_S,
        stall_s: float = 120.0,
    ) -> str:
        with self._client.call(f"pulling image {reference}", timeout_s=timeout_s, stall_s=stall_s):
            for message in self._client.api.pull(reference, stream=True, decode=True):
                if "error" in message:
                    raise docker_failures.pull_failed(self.host_name, reference, str(message["error"]))
                if on_progress is not None:
                    on_progress(docker_answers.pull_progress(reference, message))
        pulled = self.image(reference)
        if pulled is None:
            raise docker_failures.pull_failed(self.host_name, reference, "the pull ended without the image")
        log.info("%s: pulled image %s", self.host_name, reference)
        return pulled.id

    def networks(self) -> tuple[ObservedNetwork, ...]:
        with self._client.call("listing networks", timeout_s=READ_S):
            return tuple(docker_answers.network(entry) for entry in self._client.api.networks())

    def ensure_network(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        driver: str | None = None,
        internal: bool = False,
    ) -> None:
        # Docker lets calls that come together make several networks of one name, which then serve nobody.
        options = {"labels": dict(labels or {}), "driver": driver, "internal": internal, "check_duplicate": True}
        self._together.ask(f"network {name}", lambda: self._ensure_network(name, options))

    def _ensure_network(self, name: str, options: Mapping[str, Any]) -> None:
        with self._client.call(f"creating network {name}", timeout_s=CHANGE_S, changes=True):
            for _ in range(NETWORK_TRIES):
                if self._networks_called(name):
                    return
                made = self._create_network(name, options)
                if made is None or self._is_alone(name, made):
                    log.info("%s: made sure of network %s", self.host_name, name)
                    return
                time.sleep(random.uniform(*BETWEEN_TRIES_S))
        raise EngineError(
            self.host_name, f"creating network {name}: others keep making it, too; try again", failure=Failure.RETRYABLE
        )

    def _create_network(self, name: str, options: Mapping[str, Any]) -> str | None:
        """The new network's id, or None where the engine says that there is one."""
        try:
            return str(self._client.api.create_network(name, **options)["Id"])
        except docker.errors.APIError as err:
            if err.status_code != 409:
                raise
            return None

    def _is_alone(self, name: str, made: str) -> bool:
        """Gives up the network just made where another process made one of that name at the same moment.

        Of two that keep theirs, one would have looked after both were there.
        """
        if len(self._networks_called(name)) <= 1:
            return True
        self._client.api.remove_network(made)
        return False

    def _networks_called(self, name: str) -> list[Any]:
        return [network for network in self._client.api.networks(names=[name]) if network["Name"] == name]

    def remove_network(self, network_id: str) -> None:
        with self._client.call(f"removing network {network_id:.12}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.api.remove_network(network_id)
            except docker.errors.NotFound:
                return
        log.info("%s: removed network %.12s", self.host_name, network_id)

    def volumes(self) -> tuple[ObservedVolume, ...]:
        with self._client.call("listing volumes", timeout_s=READ_S):
            return tuple(docker_answers.volume(entry) for entry in self._client.api.volumes()["Volumes"] or ())

    def volume_sizes(self) -> Mapping[str, int]:
        with self._client.call("measuring volumes", timeout_s=MEASURE_S):
            return docker_answers.volume_sizes(self._client.api.df())

    def ensure_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        with self._client.call(f"creating volume {name}", timeout_s=CHANGE_S, changes=True):
            self._client.api.create_volume(name, labels=dict(labels or {}))

    def remove_volume(self, name: str) -> None:
        with self._client.call(f"removing volume {name}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.api.remove_volume(name)
            except docker.errors.NotFound:
                return
        log.info("%s: removed volume %s", self.host_name, name)

    def put_archive(self, container_id: str, path: str, archive: Iterable[bytes]) -> None:
        with self._client.call(f"copying files to {path}", timeout_s=SEND_S, stall_s=CHANGE_S, changes=True):
            self._client.api.put_archive(container_id, path, iter(archive))

    def create(self, name: str, config: Mapping[str, object]) -> str:
        if not is_text(config):
            raise docker_failures.not_text(self.host_name, name)
        with self._client.call(f"creating container {name}", timeout_s=CHANGE_S, changes=True):
            try:
                made = self._client.api.create_container_from_config(dict(config), name)  # type: ignore[no-untyped-call]
                container_id = str(made["Id"])
            except docker.errors.ImageNotFound as err:
                raise docker_failures.no_image(self.host_name, str(config.get("Image"))) from err
            except docker.errors.APIError as err:
                raise docker_failures.name_taken(self.host_name, name, err) from err
        log.info("%s: created container %s", self.host_name, name)
        return container_id

    def connect(self, network: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        with self._client.call(f"connecting a container to network {network}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.api.connect_container_to_network(container_id, network, aliases=list(aliases))
            except docker.errors.APIError as err:
                if "already exists in network" not in str(err.explanation):
                    raise

    def start(self, container_id: str) -> None:
        with self._client.call("starting a container", timeout_s=CHANGE_S * 2, changes=True):
            self._client.api.start(container_id)
        log.info("%s: started container %.12s", self.host_name, container_id)

    def stop(self, container_id: str, grace_s: float = 10.0) -> None:
        grace = math.ceil(grace_s)
        with self._client.call("stopping a container", timeout_s=CHANGE_S + grace, changes=True):
            self._client.api.stop(container_id, timeout=grace)
        log.info("%s: stopped container %.12s", self.host_name, container_id)

    def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        with self._client.call("removing a container", timeout_s=CHANGE_S * 2, changes=True):
            try:
                self._client.api.remove_container(container_id, force=force, v=volumes)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as err:
                if "already in progress" not in str(err.explanation):
                    raise
        log.info("%s: removed container %.12s", self.host_name, container_id)

    def rename(self, container_id: str, name: str) -> None:
        with self._client.call(f"renaming a container to {name}", timeout_s=CHANGE_S, changes=True):
            try:
                self._client.api.rename(container_id, name)
            except docker.errors.APIError as err:
                raise docker_failures.name_taken(self.host_name, name, err) from err
        log.info("%s: renamed container %.12s to %s", self.host_name, container_id, name)

    def begin_exec(
        self,
        container_id: str,
        words: Sequence[str],
        *,
        tty: bool = False,
        user: str | None = None,
        working_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Exec:
        from ozwald.remote.docker_exec import begin_exec

        options = {"tty": tty, "user": user or "", "workdir": working_dir, "environment": dict(environment or {})}
        return begin_exec(self._client, container_id, words, options)

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
        from ozwald.remote.docker_log import read_log

        asked = {"tail": "all" if tail is None else str(tail), "timestamps": str(int(timestamps))}
        asked |= {"since": f"{since:.9f}"} if since is not None else {}
        return read_log(self._client, container_id, asked, head=head, limit_bytes=limit_bytes)

    def follow_logs(
        self, container_id: str, *, tail: int | None = None, since_ns: int | None = None, wait: bool = True
    ) -> LogStream:
        from ozwald.remote.docker_log import begin_log

        return begin_log(self._client, container_id, tail=tail, since_ns=since_ns, wait=wait)

    def events(self) -> EventStream:
        return begin_events(self._client)
