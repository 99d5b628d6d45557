"""`events`."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click

from ozwald.cli.controllers import NoController, NoKey, NotRunning, controller_of
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, output_option, print_json_lines, print_table, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import Client
from ozwald.errors import RequestError
from ozwald.model.event import event_document
from ozwald.planning.events import EventQuery, choose_events
from ozwald.planning.moments import since_ns
from ozwald.state.event_file import EventFile

MOST = 1000
WAIT_S = 20
# How soon the file is read again while no controller is alive.
AGAIN_S = 1.0
HEADINGS = ("TIME", "KIND", "HOST", "SERVICE", "WHAT")

Documents = Sequence[Mapping[str, Any]]


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--host", metavar="NAME", help="Only what happened on this host.")
@click.option("--service", metavar="[REALM:]NAME", help="Only what happened to this instance or definition.")
@click.option("--since", metavar="WHEN", help="Only from then on: 10m, 2h30m, 2026-05-04T10:00:00Z.")
@click.option("-n", "limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="The newest N only.")
@output_option
@with_workspace
def events(
    workspace: Workspace,
    follow: bool,
    host: str | None,
    service: str | None,
    since: str | None,
    limit: int,
    output: str,
) -> int:
    """Show what happened: who changed what, where and why.

    The provisioner is asked; where none is alive, the events that it has written down are read.
    """
    if follow and output == "yaml":
        raise RequestError("--follow shows a table or JSON, one object a line")
    since_s = since_ns(since, now=time.time()) / 1e9 if since else None
    source = _Source(workspace, EventQuery(host=host, service=service, since=since_s, limit=limit))
    found = source.newest()
    if not follow:
        emit(found, output, table=lambda: print_table(HEADINGS, [_row(one) for one in found], empty="no events"))
        return 0
    for documents in source.follow(found):
        _show(documents, output)
    return 0


@dataclass(frozen=True)
class _Source:
    """Where events come from: the provisioner, or its file while none is alive."""

    workspace: Workspace
    query: EventQuery

    def newest(self) -> Documents:
        """The events that are asked for up to now."""
        return self._get(self.query, tell=warn)

    def follow(self, documents: Documents) -> Iterator[Documents]:
        """These, and then what happens, through restarts of the controller."""
        yield documents
        after = documents[-1]["id"] if documents else 0
        while True:
            begun = time.monotonic()
            documents = self._get(replace(self.query, after=after, limit=MOST), tell=lambda text: None)
            after = documents[-1]["id"] if documents else after
            if not documents and time.monotonic() - begun < AGAIN_S:
                time.sleep(AGAIN_S)
            yield documents

    def _get(self, query: EventQuery, *, tell: Callable[[str], None]) -> Documents:
        try:
            with controller_of(self.workspace) as controller:
                return self._ask(controller.client, query)
        except (NoController, NoKey) as error:
            if not isinstance(error, NotRunning):
                tell(f"{error}; these are the events that are written down here")
        kept = EventFile(self.workspace.home, self.workspace.provisioner.name).read()
        return [event_document(event) for event in choose_events(kept, query)]

    def _ask(self, client: Client, query: EventQuery) -> Documents:
        since = None if query.since is None else datetime.fromtimestamp(query.since, UTC).isoformat()
        return client.events(
            host=query.host,
            service=query.service,
            since=since,
            limit=query.limit,
            after=query.after,
            wait_s=0 if query.after is None else WAIT_S,
        )


def _show(documents: Documents, output: str) -> None:
    if output == "json":
        print_json_lines(documents)
        return
    for one in documents:
        moment, kind, host, service, text = _row(one)
        click.echo(harmless_line(f"{moment}  {kind:<19} {host:<12} {service:<16} {text}"))


def _row(one: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    when = datetime.fromisoformat(one["time"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    realm, name = one["realm"], one["name"]
    instance = "" if name is None else name if realm == "default" else f"{realm}:{name}"
    generation = f"generation {one['generation']}" if one["author"] and one["generation"] is not None else ""
    text = "; ".join(part for part in (generation, one["text"], one["author"]) if part)
    return when, one["kind"], one["host"] or "", instance, text
