"""What the routes of logs do: read the files that the controller keeps."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from ozwald.api.answers import Answer, refusal
from ozwald.api.calls import Call, WrongCall, as_count
from ozwald.api.site import Site
from ozwald.execution.kept_lines import kept_lines
from ozwald.execution.log_lines import LogLine
from ozwald.model.log import LogSource
from ozwald.model.plan import InstanceKey
from ozwald.planning.names import parse_key

MOST_LINES: Final = 10_000
LINES: Final = 1000

T = TypeVar("T")


def service_logs(site: Site, call: Call) -> Answer:
    key = _key(site, call)
    messages = site.service_logs.read(key)
    if messages is None:
        return refusal(404, f"no log of {key} is kept; GET /srv/services/active/ lists the active services")
    asked = [message for message in messages if _is_asked_for(message.source, call)]
    lines = chosen(list(kept_lines(key, asked)), call)
    return _answer(key, [_document(line) for line in lines])


def launch_logs(site: Site, call: Call) -> Answer:
    key = _key(site, call)
    text = site.launch_logs.read(key)
    if text is None:
        return refusal(404, f"no launch of {key} is on record; GET /srv/services/active/ lists the active services")
    return _answer(key, chosen(text.splitlines(), call))


def _key(site: Site, call: Call) -> InstanceKey:
    realm, name = call.query.get("realm"), call.arguments["name"]
    return parse_key(name if realm is None else f"{realm}:{name}", site.desk.settings.realms)


def _is_asked_for(source: LogSource, call: Call) -> bool:
    variety, profile = call.query.get("variety"), call.query.get("profile")
    return variety in (None, source.variety) and profile in (None, source.profile)


def chosen(lines: Sequence[T], call: Call) -> Sequence[T]:
    """The first or the last lines, as the query says; raises WrongCall."""
    top = as_count(call.query.get("top"), "top", least=1, most=MOST_LINES)
    last = as_count(call.query.get("last"), "last", least=1, most=MOST_LINES)
    if top and last:
        raise WrongCall("give top or last, not both")
    return lines[:top] if top else lines[-(last or LINES) :]


def _answer(key: InstanceKey, lines: Sequence[Any]) -> Answer:
    return Answer(document={"realm": key.realm, "name": key.name, "lines": list(lines)})


def _document(line: LogLine) -> dict[str, Any]:
    """What is not UTF-8 is written as escapes."""
    moment = datetime.fromtimestamp(line.at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "time": f"{moment}.{line.at_ns % 10**9:09d}Z",
        "host": line.host,
        "stream": line.stream,
        "text": line.text.decode("utf-8", "backslashreplace"),
        "partial": line.is_part,
    }
