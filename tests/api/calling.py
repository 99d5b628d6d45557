"""An application of its own for each test, called as a server calls it."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ozwald.api.app import Site, make_app
from ozwald.api.waiting import WaitingRoom
from ozwald.controller.board import Board, View
from ozwald.controller.desk import Desk
from ozwald.controller.footprint_desk import FootprintDesk
from ozwald.controller.journal import Journal
from ozwald.controller.prune_desk import PruneDesk
from ozwald.controller.reporter import Reporter
from ozwald.controller.vitals import Vitals
from ozwald.model.active import ActiveService, Status
from ozwald.model.belongings import Belonging, Kind, Prune, Removal
from ozwald.model.footprint import Combination, FootprintRequest, Phase, Run, RunStatus
from ozwald.model.host import Inventory
from ozwald.model.settings import Settings
from ozwald.state.footprint_logs import FootprintLogs
from ozwald.state.footprint_queue import FootprintQueue
from ozwald.state.home import DataFolder
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.service_logs import ServiceLogs
from tests.builders import definition, host, key, realms

KEY = "the-key-of-the-tests-which-is-long"
LLM = definition("llm", varieties={"cpu-only": {}}, profiles={"fast": {}})
SETTINGS = Settings(
    path="settings.yml",
    realms=realms(LLM),
    inventory=Inventory(hosts={"box1": host("box1"), "box2": host("box2")}, groups={}),
)
CHAT = ActiveService(
    key=key("chat"),
    service="llm",
    status=Status.AVAILABLE,
    host="box1",
    since=0.0,
    generation=3,
    container_id="c" * 64,
)


class Api:
    """An application with a board and a desk of its own; `woken` counts the requests that reached the loop."""

    def __init__(self, folder: Path, *, waiting: WaitingRoom | None = None) -> None:
        self.home = DataFolder(folder)
        self.board, self.woken, self.redis = Board(), 0, ""
        self.journal = Journal(wall=lambda: 1000.0)
        self.desk = Desk(SETTINGS, self.home, "local", self._wake, reporter=Reporter(self.journal))
        self.footprints = FootprintDesk(
            queue=FootprintQueue(self.home, "local"), book=folder / "footprints.yml", reporter=Reporter(self.journal)
        )
        self.prunes = PruneDesk(self._prune, reporter=Reporter(self.journal))
        vitals = Vitals(self.board, lambda: self.redis)
        self.site = Site(
            board=self.board,
            desk=self.desk,
            vitals=vitals,
            key=KEY.encode(),
            names={"localhost", "127.0.0.1"},
            service_logs=ServiceLogs(self.home),
            launch_logs=LaunchLogs(self.home),
            footprints=self.footprints,
            footprint_logs=FootprintLogs(self.home),
            prunes=self.prunes,
            journal=self.journal,
            waiting=waiting or WaitingRoom(),
        )
        self.app = make_app(self.site)
        self.view = View(
            number=1, at=vitals._clock.now(), generation=3, services=(CHAT,), hosts={"box1": "", "box2": "no route"}
        )
        self.board.publish(self.view)

    def _prune(self, prune: Prune) -> None:
        """Done at once: of two hosts one is silent, and one has something."""
        found = {"box1": (Belonging(kind=Kind.VOLUME, id="v", name="v", what="data"),)}
        removed = {} if prune.dry_run else {"box1": (Removal(belonging=found["box1"][0], error="it is used"),)}
        self.prunes.change(
            prune.prune_id,
            lambda now: replace(now, found=found, removed=removed, unreachable={"box2": "no route"}, is_ended=True),
        )

    def _wake(self) -> None:
        self.woken += 1

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = KEY,
        name: str = "localhost:8000",
    ) -> tuple[int, dict[str, str], Any]:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": name,
            "CONTENT_LENGTH": str(len(content)),
            "CONTENT_TYPE": (headers or {}).get("Content-Type", "application/json"),
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        environ |= {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in (headers or {}).items()}
        if token is not None:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        found: list[Any] = []
        text = b"".join(self.app(environ, lambda status, given, info=None: found.extend([status, given])))
        status, given = found[-2:]
        return (
            int(status.split()[0]),
            {name.lower(): value for name, value in given},
            json.loads(text) if text else None,
        )


def has_measured(api: Api, name: str) -> None:
    """A request of that id, and the logs of a definition of that name, are there."""
    combination = Combination(realm="default", service=name)
    runs = (Run(combination=combination, status=RunStatus.MEASURED, begun_at=1.0, ended_at=2.0, phase=Phase.STOP),)
    api.footprints.queue.add(FootprintRequest(request_id=name, asked_at=0.0, author="ann", runs=runs))
    api.site.footprint_logs.tell(combination, "box1: done", at=0.0)
    api.site.footprint_logs.keep(combination, b"hello\n")


def has_pruned(api: Api, name: str) -> None:
    """A prune of that id is there, which has removed what it could."""
    api.prunes._prunes[name] = Prune(prune_id=name, hosts=("box1", "box2"))
    api._prune(api.prunes.find(name))
