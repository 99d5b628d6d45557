"""Starts a controller in the background, and waits until it is healthy."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ozwald.cli.output import warn
from ozwald.cli.workspace import Workspace
from ozwald.client import Client, NoAnswer
from ozwald.controller.process import Running, find
from ozwald.errors import OzwaldError

HEALTHY_S = 60.0
LOOK_EVERY_S = 0.05
_TAIL_BYTES = 64 * 1024


class DidNotStart(OzwaldError):
    """The controller has ended before it was there; `code` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # of this one error, as the process that failed gave it


def spawn(workspace: Workspace, listen: str, log_path: Path) -> "subprocess.Popen[bytes]":
    """A controller that goes on when this process and its terminal are gone."""
    words = [sys.executable, "-m", "ozwald", "start_provisioner", "--foreground"]
    words += ["--listen", listen, "--log-file", str(log_path)]
    given = {
        "--config": workspace.config,
        "--inventory": workspace.inventory,
        "--provisioner": workspace.provisioner.name,
    }
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    with log_path.open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=workspace.folder
        )


def wait_healthy(process: "subprocess.Popen[bytes]", workspace: Workspace, log_path: Path) -> tuple[Running, str]:
    """The controller once it is healthy or stands by, and the active one it stands by for; one that is not well is
    left running.

    Raises:
        DidNotStart: it has ended; its own last words are in the text.
        OzwaldError: it is not healthy after a minute.
    """
    name, over = workspace.provisioner.name, time.monotonic() + HEALTHY_S
    began, problem = log_path.stat().st_size, "it did not answer"
    while time.monotonic() < over:
        code = process.poll()
        if code is not None:
            words = _last_words(log_path, began)
            raise DidNotStart(f"provisioner {name} did not start: {words}", code if code > 0 else 1)
        running = find(workspace.home, name)
        if running is not None and running.pid == process.pid:
            answer = health(Client(running.url))
            if answer["status"] in ("healthy", "standby"):
                return running, str(answer.get("active", ""))
            problem = str(answer.get("detail", problem))
        time.sleep(LOOK_EVERY_S)
    raise OzwaldError(f"provisioner {name} runs but is not healthy after {HEALTHY_S:.0f} s: {problem}; see {log_path}")


def health(client: Client) -> dict[str, Any]:
    """What `/health` says, or that nobody answers."""
    try:
        return dict(client.health())
    except NoAnswer as err:
        return {"status": "silent", "detail": str(err)}


def warn_of_hosts(status: dict[str, Any]) -> bool:
    """A line for each host that cannot be reached; whether there is one that can, or there are none at all."""
    unreachable = [one for one in status["hosts"] if not one["reachable"]]
    for one in unreachable:
        warn(f"unreachable: {one['host']}: {one['detail']}")
    return not unreachable or len(unreachable) < len(status["hosts"])


def _last_words(log_path: Path, began: int) -> str:
    """What it said of why it ended, of all that is in the log since it began."""
    with log_path.open("rb") as log:
        log.seek(max(began, log_path.stat().st_size - _TAIL_BYTES))
        lines = log.read().decode(errors="replace").strip().splitlines()
    said = [line.removeprefix("ozwald: ") for line in lines if line.startswith("ozwald: ")]
    return said[-1] if said else f"{lines[-1]}; see {log_path}" if lines else f"it said nothing; see {log_path}"
