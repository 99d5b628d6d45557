"""What the handlers work with."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ozwald.api.waiting import WaitingRoom
from ozwald.controller.board import Board
from ozwald.controller.desk import Desk
from ozwald.controller.footprint_desk import FootprintDesk
from ozwald.controller.journal import Journal
from ozwald.controller.prune_desk import PruneDesk
from ozwald.controller.vitals import Vitals
from ozwald.state.footprint_logs import FootprintLogs
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.service_logs import ServiceLogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One provisioner as its API sees it; `names` are those by which this server may be called."""

    board: Board
    desk: Desk
    vitals: Vitals
    key: bytes
    names: Collection[str]
    service_logs: ServiceLogs
    launch_logs: LaunchLogs
    footprints: FootprintDesk
    footprint_logs: FootprintLogs
    prunes: PruneDesk
    journal: Journal = field(default_factory=Journal)
    waiting: WaitingRoom = field(default_factory=WaitingRoom)
