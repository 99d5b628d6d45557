"""Shows what the provisioner has kept of logs that cannot be read where they are."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from ozwald.cli.controllers import NoController, NoKey, controller_of
from ozwald.cli.log_view import LogView
from ozwald.cli.workspace import Workspace
from ozwald.client import ApiError, Client, LogLine, NoAnswer
from ozwald.execution import log_lines
from ozwald.execution.logs import Asked
from ozwald.model.plan import InstanceKey

MOST_LINES = 10_000


@contextmanager
def provisioner(workspace: Workspace) -> Iterator[Client | None]:
    """The client of the provisioner, if one is alive and can be asked."""
    with ExitStack() as stack:
        client = None
        with suppress(NoController, NoKey):
            client = stack.enter_context(controller_of(workspace)).client
        yield client


@dataclass(frozen=True)
class KeptLogs:
    """What is kept of instances' logs, shown on a view."""

    workspace: Workspace
    view: LogView
    asked: Asked

    def show(self, key: InstanceKey) -> bool:
        """Shows what is kept of an instance's log and says so; False when there is nothing, or no provisioner."""
        with provisioner(self.workspace) as client:
            lines = self._lines(client, key) if client else []
            if not client or not lines:
                return False
            told = f"its container cannot be asked; these lines were kept by the provisioner at {client.url}"
        self.view.note(key, told)
        self.view.show(lines)
        return True

    def _lines(self, client: Client, key: InstanceKey) -> Sequence[log_lines.LogLine]:
        try:
            kept = client.service_logs(f"{key.realm}:{key.name}", last=MOST_LINES)["lines"]
        except (ApiError, NoAnswer):
            return ()
        lines = [line for line in (_line(key, one) for one in kept) if line.at_ns >= (self.asked.since_ns or 0)]
        lines = lines[: self.asked.top] if self.asked.top else lines
        return lines[-self.asked.last :] if self.asked.last else lines


def _line(key: InstanceKey, one: LogLine) -> log_lines.LogLine:
    whole, _, fraction = one["time"].removesuffix("Z").partition(".")
    at_ns = int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
    return log_lines.LogLine(at_ns, key, one["host"], one["stream"], one["text"].encode(), one["partial"])
