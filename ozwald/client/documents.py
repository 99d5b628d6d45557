# SPDX-License-Identifier: Apache-2.0
"""What goes in and out, as the OpenAPI document describes it; times are ISO 8601 in UTC, sizes bytes."""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Health(TypedDict):
    """Whether the provisioner is well: `healthy`, `unhealthy` with a detail, or `standby` with who is `active`."""

    status: str
    detail: NotRequired[str]
    active: NotRequired[str]


class VarietyDocument(TypedDict):
    """What one variety of a definition needs and runs."""

    hardware: Literal["nvidia", "amdgpu", "cpu-only"]
    image: str | None


class Definition(TypedDict):
    """A service definition."""

    realm: str
    name: str
    type: str
    description: str | None
    varieties: dict[str, VarietyDocument]
    profiles: list[str]
    image: str | None


class ActiveService(TypedDict):
    """A service that is wanted or has a container."""

    name: str
    service: str
    realm: str
    variety: str | None
    profile: str | None
    status: Literal["waiting", "starting", "available", "stopping", "failed", "unreachable"]
    reason: str
    since: str | None
    host: str | None
    endpoint: str | None
    image: str | None
    persistent: bool
    generation: int | None


class Event(TypedDict):
    """Something that happened; `id` grows with every event, what does not apply is None."""

    id: int
    time: str
    kind: str
    host: str | None
    realm: str | None
    name: str | None
    service: str | None
    generation: int | None
    author: str | None
    text: str


class LogLine(TypedDict):
    """One line that a service wrote; `partial` where it goes on in the next one."""

    time: str
    host: str
    stream: Literal["stdout", "stderr"]
    text: str
    partial: bool


class ServiceLog(TypedDict):
    """What an instance wrote."""

    realm: str
    name: str
    lines: list[LogLine]


class Removal(TypedDict):
    """One thing on a host that may go; `outcome` and `error` say what became of it, once it was tried."""

    host: str
    kind: Literal["container", "network", "volume"]
    name: str
    id: str
    what: str
    owner: str | None
    created_at: float | None
    size_bytes: int | None
    outcome: Literal["removed", "failed"] | None
    error: str | None


class Prune(TypedDict):
    """How far a request to prune is; `unreachable` and `waiting` say why, by host."""

    prune_id: str
    status: Literal["running", "ended"]
    hosts: list[str]
    volumes: bool
    dry_run: bool
    removals: list[Removal]
    unreachable: dict[str, str]
    waiting: dict[str, str]


class LaunchLog(TypedDict):
    """How an instance was started."""

    realm: str
    name: str
    lines: list[str]


class MeasuredService(TypedDict):
    """A definition that is to be measured; what is left out means all varieties or profiles that it has."""

    service_name: str
    realm: NotRequired[str | None]
    variety: NotRequired[str | None]
    profile: NotRequired[str | None]


RunStatus: TypeAlias = Literal["queued", "running", "measured", "failed", "cancelled", "skipped"]


class FootprintRun(TypedDict):
    """One combination on one model of card; `reason` says what it waits for, or why it was not measured."""

    realm: str
    service_name: str
    variety: str | None
    profile: str | None
    card: str | None
    if_possible: bool
    attempts: int
    host: str | None
    status: RunStatus
    phase: Literal["baseline", "pull", "start", "load", "ready", "under-load", "stop"] | None
    reason: str
    begun_at: str | None
    ended_at: str | None


class FootprintRequest(TypedDict):
    """What was asked for at once; of runs that have all ended the worst counts as its status."""

    request_id: str
    status: RunStatus
    asked_at: str
    author: str
    hosts: str | None
    run_time_s: float | None
    is_cancelled: bool
    is_spread: bool
    runs: list[FootprintRun]


class FootprintLog(TypedDict):
    """What was done, or written by the container, when this combination was measured."""

    realm: str
    service_name: str
    variety: str | None
    profile: str | None
    lines: list[str]


class WantedInstance(TypedDict):
    """One instance that is asked for; what is left out is chosen by the provisioner."""

    name: str
    service: NotRequired[str | None]
    realm: NotRequired[str | None]
    variety: NotRequired[str | None]
    profile: NotRequired[str | None]
    host: NotRequired[str | None]


class StoredInstance(WantedInstance):
    """A wanted instance as it is stored: on which host, and whether the settings want it whatever is asked for."""

    placed_on: str | None
    persistent: bool


class Wanted(TypedDict):
    """What is wanted; an update may name the `generation` as the one that it knows."""

    generation: int
    instances: list[StoredInstance]


class Loop(TypedDict):
    """How the loop is: why it does not pass, or nothing, and seconds since its last pass."""

    problem: str
    pass_age_s: float | None


class Redis(TypedDict):
    """Why Redis cannot be used, or nothing."""

    problem: str


class Generations(TypedDict):
    """The generation that is stored, and the one that the last pass worked on."""

    wanted: int
    seen: int


class HostStatus(TypedDict):
    """Whether a host answers, why not, and how old its facts are in seconds."""

    host: str
    reachable: bool
    detail: str
    facts_age_s: float | None


class FootprintCounts(TypedDict):
    """How many runs wait to be measured, and how many are."""

    queued: int
    running: int


class Status(TypedDict):
    """How all is; `active` is set on a stand-by, `services` counts them by status."""

    status: Literal["healthy", "unhealthy", "standby"]
    active: str | None
    loop: Loop
    redis: Redis
    generation: Generations
    hosts: list[HostStatus]
    services: dict[str, int]
    footprints: FootprintCounts


# A host's facts have many fields, described with the project's `show_host_resources`; `host` is always there,
# `detail` says why there are no others.
HostFacts: TypeAlias = dict[str, Any]
