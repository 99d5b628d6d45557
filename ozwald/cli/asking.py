"""The ways to say what is wanted: instances, a file of them, or a generation of the history."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ozwald.cli.workspace import Workspace
from ozwald.config.requests import read_requests
from ozwald.errors import RequestError
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest, WrittenRequest
from ozwald.planning.asking import Adding, Ask, Exactly, Removing, Same
from ozwald.planning.names import complete_request, find_realm, parse_instance, parse_key, split_specs
from ozwald.state.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `plan` and `apply` that say what is wanted, as they were given."""

    instances: Sequence[str]
    file: Path | None
    add: bool
    remove: bool
    generation: int | None


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a Request to a command."""
    command = click.argument("instances", nargs=-1)(command)
    command = click.option(
        "--generation", type=click.IntRange(min=1), metavar="N", help="Want again what that generation wanted."
    )(command)
    command = click.option("--remove", is_flag=True, help="Take these away, and keep the others.")(command)
    command = click.option("--add", is_flag=True, help="Add or change these, and keep the others.")(command)
    return click.option(
        "-f",
        "--file",
        type=click.Path(path_type=Path),
        help="YAML or JSON list of the wanted instances; - is standard input.",
    )(command)


def ask_of(request: Request, workspace: Workspace) -> Ask:
    """What the user asks for.

    Raises:
        RequestError: the options do not go together, or name something that is not known.
        StateError: the generation that is asked for is damaged.
    """
    _check(request)
    realms = workspace.settings.realms
    if request.generation is not None:
        return Exactly(requests=_former(request.generation, workspace))
    entries = _entries(request)
    if request.remove:
        return Removing(keys=tuple(_key(entry, realms) for entry in entries))
    requests = tuple(_request(entry, realms) for entry in entries)
    if request.add:
        return Adding(requests=requests)
    return Exactly(requests=requests) if entries or request.file else Same()


def _check(request: Request) -> None:
    if request.file is not None and request.instances:
        raise RequestError("give instances or --file, not both")
    if request.add and request.remove:
        raise RequestError("give --add or --remove, not both; two commands do both")
    given = bool(request.instances) or request.file is not None
    if request.generation is not None and (given or request.add or request.remove):
        raise RequestError("--generation says everything that is wanted; give nothing else with it")
    if (request.add or request.remove) and not given:
        raise RequestError(f"say which instances to {'add' if request.add else 'remove'}: names, or --file")


def _entries(request: Request) -> Sequence[str | WrittenRequest]:
    if request.file is None:
        return split_specs(request.instances)
    return read_requests(request.file, given=sys.stdin.buffer)


def _request(entry: str | WrittenRequest, realms: Mapping[str, Realm]) -> InstanceRequest:
    return parse_instance(entry, realms) if isinstance(entry, str) else complete_request(realms, **asdict(entry))


def _key(entry: str | WrittenRequest, realms: Mapping[str, Realm]) -> InstanceKey:
    """Which instance is meant: what the settings say of its service does not matter where it goes."""
    if isinstance(entry, str):
        return parse_key(entry, realms)
    return InstanceKey(realm=find_realm(entry.realm, realms).name, name=entry.name)


def _former(number: int, workspace: Workspace) -> tuple[InstanceRequest, ...]:
    history = History(workspace.home, workspace.provisioner.name)
    generation = history.read(number)
    if generation is None:
        raise RequestError(f"generation {number} is not kept; {kept(history)}")
    return tuple(instance.request for instance in generation.instances if not instance.persistent)


def kept(history: History) -> str:
    """Which generations there are, for a message."""
    numbers = history.numbers()
    return f"kept are {numbers[-1]} to {numbers[0]}: ozwald history" if numbers else "there are none yet"
