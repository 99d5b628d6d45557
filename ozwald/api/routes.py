"""The table of routes: the application and the OpenAPI document are both made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ozwald.api import authors, event_handlers, footprint_handlers, handlers, log_handlers, overview, prune_handlers
from ozwald.api.answers import Answer
from ozwald.api.calls import Call
from ozwald.api.schemas import TEXT, Schema, list_of, reference
from ozwald.api.site import Site
from ozwald.planning.events import EventQuery

Handler = Callable[[Site, Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One word that a route takes from its query or headers."""

    name: str
    about: str
    schema: Schema = field(default_factory=lambda: TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route, answered with a slash at the end and without.

    `answers` has the schema of each answer that is its own; the refusals that any route may give are added to them.
    `aliases` are more paths that do the same, `body` is the schema of what is posted.
    """

    method: str
    path: str
    name: str
    about: str
    handler: Handler
    answers: Mapping[int, Schema | None]
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Schema | None = None
    aliases: tuple[str, ...] = ()
    is_open: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, *self.aliases)


_PROBLEM: Final = reference("Problem")

_IF_MATCH: Final = Parameter(
    name="If-Match",
    about="The generation that the caller knows; another one is a conflict.",
    schema={**TEXT, "pattern": r'^(\*|[0-9]{1,18}|"[0-9]{1,18}")$'},
)
_WHO: Final = (
    Parameter(
        name=authors.AUTHOR,
        about=f"Who asks, for events and history (`api`): UTF-8 in percent signs, {authors.LONGEST_NAME} characters.",
    ),
    Parameter(
        name=authors.COMMAND,
        about=f"What they typed, or which program asks, in the same way, {authors.LONGEST_COMMAND} characters.",
    ),
)

_SOME: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": log_handlers.MOST_LINES}
_LINES: Final = (
    Parameter(name="realm", about="The instance's realm, where its name does not say it."),
    Parameter(name="top", about="Only the first lines, this many.", schema=_SOME),
    Parameter(name="last", about=f"Only the last lines, this many ({log_handlers.LINES}).", schema=_SOME),
)

_MEASURED: Final = (
    *_LINES,
    Parameter(name="variety", about="Only with this variety; else the one that was measured last."),
    Parameter(name="profile", about="Only with this profile; else the one that was measured last."),
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/health",
        name="health",
        about="Whether Redis answers and the loop is alive. The only route that needs no key.",
        handler=handlers.health,
        answers={200: reference("Health"), 503: reference("Health")},
        is_open=True,
    ),
    Route(
        method="GET",
        path="/srv/services/configured/",
        name="configured",
        about="Every service definition.",
        handler=handlers.configured,
        answers={200: list_of("Definition")},
    ),
    Route(
        method="GET",
        path="/srv/services/active/",
        name="active",
        about="Every service that is wanted or has a container. Sent again only when it has changed (ETag).",
        handler=handlers.ActiveList(),
        answers={200: list_of("ActiveService"), 304: None},
        headers=(Parameter(name="If-None-Match", about="The ETag of the list that the caller has."),),
    ),
    Route(
        method="GET",
        path="/srv/services/active/{name}/",
        name="one_active",
        about="One active service by `[REALM:]NAME`.",
        handler=handlers.one_active,
        answers={200: reference("ActiveService"), 404: _PROBLEM},
    ),
    Route(
        method="POST",
        path="/srv/services/active/update/",
        aliases=("/srv/services/update/", "/srv/services/dynamic/update/"),
        name="update",
        about="Asks for exactly these instances. They are durable when the answer is 202.",
        handler=handlers.update,
        body=reference("WantedList"),
        headers=(_IF_MATCH, *_WHO),
        answers={202: reference("Accepted"), 409: _PROBLEM, 415: _PROBLEM, 422: _PROBLEM},
    ),
    Route(
        method="POST",
        path="/srv/services/restart/",
        name="restart",
        about="Asks for a restart of these instances, `[REALM:]NAME`, once. It is durable when the answer is 202.",
        handler=handlers.restart,
        body=reference("NameList"),
        headers=(_IF_MATCH, *_WHO),
        answers={202: reference("Accepted"), 409: _PROBLEM, 415: _PROBLEM, 422: _PROBLEM},
    ),
    Route(
        method="GET",
        path="/srv/services/wanted/",
        name="wanted",
        about="What is wanted, as it is stored, with its generation for If-Match.",
        handler=overview.wanted,
        answers={200: overview.WANTED},
    ),
    Route(
        method="GET",
        path="/srv/status/",
        name="status",
        about="How loop, Redis, hosts and services are.",
        handler=overview.status,
        answers={200: overview.STATUS},
    ),
    Route(
        method="GET",
        path="/srv/host/resources",
        name="resources",
        about="The facts of each host, with their age.",
        handler=handlers.resources,
        answers={200: list_of("HostFacts")},
        query=(
            Parameter(name="host", about="A host pattern, as everywhere."),
            Parameter(
                name="refresh",
                about="1 has the hosts looked at again soon; the answer does not wait for that.",
                schema={**TEXT, "enum": ["0", "1", "false", "true"]},
            ),
        ),
    ),
    Route(
        method="GET",
        path="/srv/services/logs/{name}/",
        name="service_logs",
        about="What an instance, `[REALM:]NAME`, has written, as far as it is kept; also when it is gone.",
        handler=log_handlers.service_logs,
        answers={200: reference("ServiceLog"), 404: _PROBLEM},
        query=(
            *_LINES,
            Parameter(name="variety", about="Only what it wrote as this variety."),
            Parameter(name="profile", about="Only what it wrote with this profile."),
        ),
    ),
    Route(
        method="GET",
        path="/srv/services/launch-logs/{name}/",
        name="launch_logs",
        about="How an instance, `[REALM:]NAME`, was started.",
        handler=log_handlers.launch_logs,
        answers={200: reference("LaunchLog"), 404: _PROBLEM},
        query=(
            *_LINES,
            Parameter(name="variety", about="Not needed: a launch log has the launches of all varieties."),
            Parameter(name="profile", about="Not needed: a launch log has the launches with all profiles."),
        ),
    ),
    Route(
        method="GET",
        path="/srv/services/footprint",
        name="footprint_requests",
        about="The requests for footprints that wait or are measured, and the last ones that have ended.",
        handler=footprint_handlers.queue,
        answers={200: list_of("FootprintRequest")},
    ),
    Route(
        method="POST",
        path="/srv/services/footprint",
        name="footprint",
        about="Asks for services to be measured. The request is durable when the answer is 202.",
        handler=footprint_handlers.submit,
        body=reference("FootprintOrder"),
        headers=_WHO,
        answers={202: reference("FootprintAccepted"), 415: _PROBLEM, 422: _PROBLEM},
    ),
    Route(
        method="DELETE",
        path="/srv/services/footprint/{request_id}",
        name="cancel_footprint",
        about="Cancels a request: no further run begins, and those that have begun end soon.",
        handler=footprint_handlers.cancel,
        answers={200: reference("FootprintRequest"), 404: _PROBLEM},
    ),
    Route(
        method="GET",
        path="/srv/services/footprint-logs/container/{service}/",
        name="footprint_container_log",
        about="What the container of a definition wrote when it was measured last.",
        handler=footprint_handlers.container_log,
        answers={200: reference("FootprintLog"), 404: _PROBLEM},
        query=_MEASURED,
    ),
    Route(
        method="GET",
        path="/srv/services/footprint-logs/runner/{service}/",
        name="footprint_runner_log",
        about="What was done to measure a definition, run by run.",
        handler=footprint_handlers.runner_log,
        answers={200: reference("FootprintLog"), 404: _PROBLEM},
        query=_MEASURED,
    ),
    Route(
        method="POST",
        path="/srv/prune/",
        name="prune",
        about="Removes what the controller made and nobody uses; not durable: a restart of the provisioner ends it.",
        handler=prune_handlers.submit,
        body=reference("PruneOrder"),
        headers=_WHO,
        answers={202: reference("PruneAccepted"), 404: _PROBLEM, 415: _PROBLEM, 422: _PROBLEM},
    ),
    Route(
        method="GET",
        path="/srv/prune/{prune_id}/",
        name="prune_state",
        about="What may go, and what became of it.",
        handler=prune_handlers.state,
        answers={200: reference("Prune"), 404: _PROBLEM},
    ),
    Route(
        method="GET",
        path="/srv/events/",
        name="events",
        about="What happened, oldest first. With `after` it waits for something to happen.",
        handler=event_handlers.events,
        answers={200: list_of("Event")},
        query=(
            Parameter(name="host", about="Only what happened on this host."),
            Parameter(name="service", about="Only what happened to this instance or definition, `[REALM:]NAME`."),
            Parameter(name="since", about="Only from then on: `10m`, or a date and time as in RFC 3339."),
            Parameter(
                name="limit",
                about=f"How many at most: the newest ones, or with `after` the first ones ({EventQuery().limit}).",
                schema={"type": "integer", "minimum": 1, "maximum": event_handlers.MOST},
            ),
            Parameter(
                name="after",
                about="Only events after the one with this id; answered when there is one, or after `wait`.",
                schema={"type": "integer", "minimum": 0},
            ),
            Parameter(
                name="wait",
                about="How many seconds an answer to `after` may take.",
                schema={"type": "integer", "minimum": 0, "maximum": event_handlers.LONGEST_WAIT_S},
            ),
        ),
    ),
)
