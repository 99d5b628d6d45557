"""Loads files as the commands do, goes on to what settings are for, and judges what was said on the way."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ozwald.config.footprint_book import book_text, read_book
from ozwald.config.load import load
from ozwald.config.requests import read_requests
from ozwald.errors import OzwaldError, Problem, RequestError, SettingsError
from ozwald.model.host import Inventory
from ozwald.model.realm import Realm, ServiceDefinition
from ozwald.model.request import InstanceRequest, WrittenRequest
from ozwald.model.settings import Settings
from ozwald.planning.explain import explain
from ozwald.planning.fingerprint import marks
from ozwald.planning.names import complete_request, parse_instance
from ozwald.planning.patterns import select
from ozwald.planning.provisioners import choose_provisioner, managed_hosts
from ozwald.planning.resolve import resolve, varieties_by_preference

# What stands in the environment and in `.env`, and must stand in no message; no name can look like it.
SECRET = "s3cret canary!"
ENVIRON = {"A": "a", "HOME": "/home/x", "CANARY": SECRET}

# What concerns a file as a whole has no line.
_WITHOUT_LINE = re.compile(
    r"^(?:is (?:empty|larger|not a regular|not there|encrypted)|cannot be|has more than|more than|ended with|printed"
    r"|did not end|lies more|TOML|here the settings)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MOST_DEFINITIONS = 20
_LONGEST_TEXT = 100_000
_LONGEST_MESSAGE = 2_000


class Wrong(Exception):
    """Something was said or done that must not be; str() says what."""


def exercise(
    folder: Path, *, inventory: str | None = None, requests: str | None = None, book: str | None = None
) -> bool:
    """Whether the files load; raises Wrong for a message that must not be, and lets every foreign error through."""
    try:
        place = Path(inventory) if inventory else None
        loaded = load(None, inventory=place, environ=ENVIRON, cwd=folder)
        wanted = read_requests(folder / requests) if requests else []
        footprints = read_book(folder / book) if book else ()
    except SettingsError as err:
        _judge(err.problems)
        _judge_text(str(err), longest=1_000_000)
        return False
    settings = loaded.settings
    _judge(settings.warnings)
    _use_services(settings)
    _use_hosts(settings.inventory)
    for entry in wanted:
        _try(partial(_request, entry, settings.realms))
    book_text(footprints)
    for host in settings.inventory.hosts.values():
        json.dumps({name: value for name, value in host.vars.items() if not _is_large(value)})
    return True


def _is_large(value: object) -> bool:
    return isinstance(value, str) and len(value) > _LONGEST_TEXT


def _judge(problems: Iterable[Problem]) -> None:
    for problem in problems:
        _judge_text(str(problem))
        if not problem.file or (not problem.line and not _WITHOUT_LINE.match(problem.message)):
            raise Wrong(f"no place: {problem}")


def _judge_text(text: str, *, longest: int = _LONGEST_MESSAGE) -> None:
    if SECRET in text:
        raise Wrong(f"a secret is in the message: {text[:200]}")
    if _CONTROL.search(text.replace("\n", "")):
        raise Wrong(f"a control character is in the message: {text[:200]!r}")
    if not text or len(text) > longest:
        raise Wrong(f"a message of {len(text)} characters: {text[:200]}")


def _try(use: Callable[[], object]) -> None:
    """Do it; one of our errors is an answer, too."""
    with suppress(OzwaldError):
        use()


def _use_services(settings: Settings) -> None:
    for realm in settings.realms.values():
        for definition in list(realm.definitions.values())[:_MOST_DEFINITIONS]:
            varieties = [variety.name if variety else None for variety in varieties_by_preference(definition)]
            for profile in (None, *definition.profiles):
                for variety in (None, *varieties):
                    _use_choice(realm, definition, variety, profile)


def _use_choice(realm: Realm, definition: ServiceDefinition, variety: str | None, profile: str | None) -> None:
    request = InstanceRequest(realm=realm.name, name=definition.name, service=definition.name, profile=profile)
    json.dumps([explained.value for explained in explain(definition, variety=variety, profile=profile)])
    try:
        spec = resolve(definition, request, variety=variety)
    except RequestError:
        return
    networks = tuple(realm.networks[attachment.network] for attachment in spec.networks)
    marks(spec, networks, key=b"k")
    repr(spec)


def _use_hosts(inventory: Inventory) -> None:
    patterns = [provisioner.hosts for provisioner in inventory.provisioners.values()]
    for name in [*patterns, *list(inventory.groups)[:5], *list(inventory.hosts)[:5]]:
        for pattern in (name, f"{name}:!all", f"{name}[0]", f"~{name}", f"{name[:1]}*", f"all,!{name}"):
            _try(partial(select, inventory, pattern))
    for provisioner in (None, *inventory.provisioners):
        _try(partial(_managed, inventory, provisioner))


def _managed(inventory: Inventory, provisioner: str | None) -> object:
    return managed_hosts(inventory, choose_provisioner(inventory, provisioner), None)


def _request(entry: str | WrittenRequest, realms: Mapping[str, Realm]) -> InstanceRequest:
    if isinstance(entry, str):
        return parse_instance(entry, realms)
    return complete_request(realms, **asdict(entry))
