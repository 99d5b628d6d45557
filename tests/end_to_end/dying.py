"""Runs `ozwald` commands that are killed (SIGKILL) at a named step or moment: each in a process forked for it.

Reads a command a line from standard input and answers with a line, both JSON; forking saves each command the imports.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

# What an apply does to hosts and data folder, in the order in which a replacement does it.
STEPS = (
    "list_containers",
    "keep generation",
    "write_wanted",
    "image",
    "ensure_network",
    "rename",
    "create",
    "connect",
    "stop",
    "start",
    "state",
    "remove",
)
SETTLE_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When a command dies: before or after its how-manieth call of a step, or after a while."""

    step: str = ""
    after: bool = False
    count: int = 1
    seconds: float | None = None

    def __str__(self) -> str:
        if self.seconds is not None:
            return f"after {self.seconds:.2f} s"
        return f"{'after' if self.after else 'before'} {self.step} {self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a command ended; `output` is what it printed."""

    killed: bool
    code: int
    output: str


class Clockwork:
    """A process that forks one for each command, in a folder and environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.dying"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def runs(self, *words: str, death: Death | None = None) -> End:
        """Runs one command to its end, or to its death."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, asdict(death) if death else None]) + "\n")
        self._process.stdin.flush()
        return End(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve() -> None:
    """Answers commands until standard input ends."""
    _load()
    output = Path("output").absolute()
    for line in sys.stdin:
        words, death = json.loads(line)
        print(json.dumps(asdict(_run(words, Death(**death) if death else None, output))), flush=True)


def _load() -> None:
    """Imports what every command needs."""
    import docker  # noqa: F401
    import jsonschema  # noqa: F401
    import paramiko  # noqa: F401

    import ozwald.cli.commands.apply
    import ozwald.config.load
    import ozwald.execution.carry_out
    import ozwald.execution.intent
    import ozwald.remote.docker_engine
    import ozwald.remote.ssh  # noqa: F401


def _run(words: list[str], death: Death | None, output: Path) -> End:
    child = os.fork()
    if child == 0:
        _become(words, death, output)
    if death is not None and death.seconds is not None:
        threading.Timer(death.seconds, partial(_kill, child)).start()
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return End(killed=killed, code=os.waitstatus_to_exitcode(status), output=output.read_text(errors="replace"))


def _kill(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return


def _become(words: list[str], death: Death | None, output: Path) -> None:
    """Turns the forked process into `ozwald`, with a way to die."""
    descriptor = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        _hurry()
        if death is not None and death.step:
            _die(death)
        from ozwald.cli.main import run

        run(words)
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(99)


def _hurry() -> None:
    """Containers without a healthcheck count as available sooner than in life."""
    from ozwald.execution import carry_out
    from ozwald.execution.health import Patience

    carry_out.Patience = partial(Patience, settle_s=SETTLE_S)  # type: ignore[assignment,attr-defined]


def _die(death: Death) -> None:
    from ozwald.execution import intent
    from ozwald.remote.docker_engine import DockerEngine

    places: dict[str, tuple[Any, str]] = {
        "write_wanted": (intent, "write_wanted"),
        "keep generation": (intent.History, "keep"),  # type: ignore[attr-defined]
    }
    place, name = places.get(death.step, (DockerEngine, death.step))
    setattr(place, name, _dying(getattr(place, name), death))


def _dying(call: Callable[..., Any], death: Death) -> Callable[..., Any]:
    lock = threading.Lock()
    calls = 0

    @wraps(call)
    def counted(*words: Any, **options: Any) -> Any:
        nonlocal calls
        with lock:
            calls += 1
            is_last = calls == death.count
        if is_last and not death.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*words, **options)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


if __name__ == "__main__":
    serve()
