"""What the routes of footprints do: take requests, cancel them, and read the queue and the logs of runs."""

from collections.abc import Sequence
from typing import Any, Final

from ozwald.api.answers import Answer, refusal
from ozwald.api.authors import author_of
from ozwald.api.calls import Call
from ozwald.api.log_handlers import chosen
from ozwald.api.shapes import WrongShape, map_of, seconds_of, text_of
from ozwald.api.site import Site
from ozwald.model.footprint import Combination
from ozwald.model.footprint_document import request_document
from ozwald.planning.footprint_runs import Choice, all_choices, complete_choice
from ozwald.planning.names import check_name, find_realm
from ozwald.planning.patterns import select
from ozwald.state.footprint_logs import LogType

MOST_SERVICES: Final = 1000
LONGEST_REST_S: Final = 24 * 3600.0
_KEYS: Final = ("services", "footprint_all_services", "host", "run_time_s")
_PARTS: Final = ("service_name", "realm", "profile", "variety")


def queue(site: Site, call: Call) -> Answer:
    return Answer(document=[request_document(one) for one in site.footprints.requests()])


def submit(site: Site, call: Call) -> Answer:
    body = map_of(call.body, _KEYS, "the body")
    host = text_of(body, "host", "body")
    run_time_s = seconds_of(body, "run_time_s", "body", most=LONGEST_REST_S)
    settings = site.desk.settings
    if host is not None:
        select(settings.inventory, host)
    request = site.footprints.submit(_choices(site, body), hosts=host, run_time_s=run_time_s, author=author_of(call))
    return Answer(status=202, document={"status": "accepted", "request_id": request.request_id})


def cancel(site: Site, call: Call) -> Answer:
    return Answer(document=request_document(site.footprints.cancel(call.arguments["request_id"])))


def container_log(site: Site, call: Call) -> Answer:
    return _log(site, call, LogType.CONTAINER)


def runner_log(site: Site, call: Call) -> Answer:
    return _log(site, call, LogType.RUNNER)


def _log(site: Site, call: Call, kind: LogType) -> Answer:
    realm = find_realm(call.query.get("realm"), site.desk.settings.realms).name
    for word in ("variety", "profile"):
        if word in call.query:
            check_name(word, call.query[word])
    check_name("service", call.arguments["service"])
    asked = Combination(
        realm=realm,
        service=call.arguments["service"],
        variety=call.query.get("variety"),
        profile=call.query.get("profile"),
    )
    found = site.footprint_logs.newest(kind, asked)
    if found is None:
        return refusal(404, f"no run that measured {asked} is on record; GET /srv/services/footprint lists them")
    return Answer(
        document={
            "realm": realm,
            "service_name": found.combination.service,
            "variety": found.combination.variety,
            "profile": found.combination.profile,
            "lines": list(chosen(found.text.splitlines(), call)),
        }
    )


def _choices(site: Site, body: dict[str, Any]) -> Sequence[Choice]:
    realms, services, everything = site.desk.settings.realms, body.get("services"), body.get("footprint_all_services")
    if not isinstance(everything, bool | None):
        raise WrongShape("body.footprint_all_services must be true or false")
    if not isinstance(services, list | None):
        raise WrongShape('body.services must be a list: [{"service_name": "llm"}]')
    if bool(services) == bool(everything):
        raise WrongShape("give services, or footprint_all_services: true")
    if everything:
        return all_choices(realms)
    if len(services or ()) > MOST_SERVICES:
        raise WrongShape(f"{len(services or ())} services are more than {MOST_SERVICES}")
    return [complete_choice(realms, **_parts(one, f"body.services[{n}]")) for n, one in enumerate(services or ())]


def _parts(entry: Any, place: str) -> dict[str, Any]:
    found = map_of(entry, _PARTS, place)
    parts = {key: text_of(found, key, place) for key in found}
    if not parts.get("service_name"):
        raise WrongShape(f"{place}.service_name is missing")
    return parts
