"""What a person needs to understand why a container did not become available."""

from collections.abc import Iterator
from typing import Final

from ozwald.errors import HostError
from ozwald.execution.log_lines import Lines, LogLine
from ozwald.model.container import ContainerState
from ozwald.model.plan import InstanceKey
from ozwald.remote.engine import Engine

LAST_LINES: Final = 50
LINE_CHARACTERS: Final = 2000
HEALTH_CHARACTERS: Final = 4000
LOG_BYTES: Final = 1 << 20


def findings(engine: Engine, container_id: str, key: InstanceKey) -> Iterator[tuple[str, str]]:
    """What is found, one after the other: a line, and further lines to go with it. Never raises HostError."""
    try:
        state = engine.state(container_id)
        if state is not None:
            yield f"its state: {_state(state)}", ""
            if state.health is not None:
                yield _health(state), _shortened(state.health_output, HEALTH_CHARACTERS)
        lines = last_lines(engine, container_id, key)
        yield f"its last {LAST_LINES} lines, by stream:", "\n".join(map(_line, lines)) or "(it wrote nothing)"
    except HostError as error:
        yield f"no more could be read: {error.message}", ""


def last_lines(engine: Engine, container_id: str, key: InstanceKey) -> list[LogLine]:
    """What a container has written last; raises HostError."""
    stream = engine.follow_logs(container_id, tail=LAST_LINES, wait=False)
    lines, found, read_bytes = Lines(key, engine.host_name), list[LogLine](), 0
    try:
        while read_bytes < LOG_BYTES and (pieces := stream.read()):
            read_bytes += sum(len(piece.content) for piece in pieces)
            found += lines.add(pieces)
    finally:
        stream.close()
    return [*found, *lines.end(0)][-LAST_LINES:]


def _state(state: ContainerState) -> str:
    parts = ["running" if state.running else f"ended with exit code {state.exit_code}"]
    parts += ["restarting"] if state.restarting else []
    parts += ["out of memory (OOM)"] if state.oom_killed else []
    parts += [f"restarted {state.restart_count} times"] if state.restart_count else []
    parts += [f"the engine says: {state.error}"] if state.error else []
    return ", ".join(parts)


def _health(state: ContainerState) -> str:
    if state.health_exit_code is None:
        return f"its healthcheck says {state.health}: no check has ended yet"
    failures = f", {state.health_failures} failures in a row" if state.health_failures else ""
    return (
        f"its healthcheck says {state.health}{failures}; the last one ended with {state.health_exit_code} and printed:"
    )


def _line(line: LogLine) -> str:
    return f"{line.stream} | " + _shortened(line.text.decode("utf-8", "backslashreplace"), LINE_CHARACTERS)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"
