"""Makes lines of the messages that are kept of an instance."""

from collections.abc import Iterable, Iterator

from ozwald.execution.log_lines import Lines, LogLine
from ozwald.model.log import LogMessage, LogSource
from ozwald.model.plan import InstanceKey
from ozwald.remote.engine import LogPiece


def kept_lines(key: InstanceKey, messages: Iterable[LogMessage]) -> Iterator[LogLine]:
    """The lines, in the order in which they were kept."""
    begun: dict[LogSource, Lines] = {}
    at_ns = 0
    for message in messages:
        at_ns = message.at_ns
        lines = begun.setdefault(message.source, Lines(key, message.source.host))
        yield from lines.add([LogPiece(message.at_ns, message.stream, message.content)])
    for lines in begun.values():
        yield from lines.end(at_ns)
