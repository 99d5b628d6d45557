"""Text files that grow at their end and lose their older half when they become too large."""

from datetime import UTC, datetime
from pathlib import Path

from ozwald.errors import StateError

MAX_BYTES = 256 * 1024


def append_entry(path: Path, line: str, *, at: float) -> None:
    """Adds one entry (its further lines are indented); `at` is seconds since the epoch.

    Raises:
        StateError: the file cannot be written.
    """
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    text = f"{when} " + line.rstrip("\n").replace("\n", "\n  ") + "\n"
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            size = file.tell()
        if size > MAX_BYTES:
            _keep_half(path)
    except OSError as err:
        raise StateError(f"cannot write {path}: {err.strerror}") from err


def _keep_half(path: Path) -> None:
    half = path.read_bytes()[-MAX_BYTES // 2 :].decode("utf-8", "ignore")
    temporary = path.with_suffix(".tmp")
    temporary.write_text(half.partition("\n")[2] or half, encoding="utf-8")
    temporary.replace(path)
