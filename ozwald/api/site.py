"""What the handlers work with."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ozwald.api.waiting import WaitingRoom
from ozwald.controller.board import Board
from ozwald.controller.desk import Desk
from ozwald.controller.journal import Journal
from ozwald.controller.vitals import Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One provisioner as its API sees it; `names` are those by which this server may be called."""

    board: Board
    desk: Desk
    vitals: Vitals
    key: bytes
    names: Collection[str]
    journal: Journal = field(default_factory=Journal)
    waiting: WaitingRoom = field(default_factory=WaitingRoom)
