"""Hosts that answer without end are cut off: reading on would cost the others."""

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote.command import OnOutput, Stream


def at_most(limit_bytes: int, host_name: str, what: str) -> OnOutput:
    """Counts a command's output and ends the command beyond the limit; raises ConnectionFailed."""
    room = limit_bytes

    def count(stream: Stream, piece: bytes) -> None:
        nonlocal room
        room -= len(piece)
        if room < 0:
            limit = f"{limit_bytes >> 20} MiB" if limit_bytes >> 20 else f"{limit_bytes >> 10} KiB"
            message = f"its answer to {what} is longer than {limit}"
            raise ConnectionFailed(host_name, message, failure=Failure.TERMINAL)

    return count
