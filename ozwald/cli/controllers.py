"""Finds a provisioner's controller and its API: by OZWALD_API_URL, on this machine, or through SSH to its host."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ozwald.cli.output import warn
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace
from ozwald.client import DEFAULT_URL, ApiError, Client, NoAnswer
from ozwald.controller.process import Running, find
from ozwald.errors import ConnectionFailed, OzwaldError, RequestError, SettingsError, StateError
from ozwald.model.host import Host
from ozwald.planning.provisioners import other_machine

if TYPE_CHECKING:
    from ozwald.remote.fleet import Fleet

_ANSWER_S = 10.0
_SAY_WHERE = "if it runs under another user or OZWALD_HOME, say where: `listen:` of the provisioner, or OZWALD_API_URL"
_SAME_KEY = "it has to be the one that the provisioner was started with; the environment wins over .env"
_KINDS: Mapping[int, type[OzwaldError]] = {
    400: RequestError,
    401: RequestError,
    404: RequestError,
    422: RequestError,
    503: StateError,
}
KEY_ADVICE = "set it, here or in .env, for instance: export OZWALD_SYSTEM_KEY=$(openssl rand -hex 32)"


class NoController(OzwaldError):
    """No controller is alive, or it cannot be reached."""

    exit_code = 3


class NoKey(RequestError):
    """There is no key to ask a controller with, or one that cannot be its."""


class NotRunning(NoController):
    """There is certainly none: nobody holds its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """A controller's API. `running` is its process where that is one of this machine, `where` is for people."""

    client: Client
    where: str
    running: Running | None = None


@contextmanager
def controller_of(workspace: Workspace) -> Iterator[Controller]:
    """The provisioner's controller; what its API refuses inside becomes an error of ours.

    Raises:
        NoController: none is alive, or it cannot be reached.
        NoKey: there is no key for it.
    """
    with plainly():
        url = workspace.environ.get("OZWALD_API_URL")
        running = None if url else find(workspace.home, known_name(workspace))
        elsewhere = None if url or running else _other_machine(workspace)
        if url:
            yield Controller(client=_client(workspace, url), where=url)
        elif running is not None:
            where = f"{running.url} (process {running.pid})"
            yield Controller(client=_client(workspace, running.url), where=where, running=running)
        elif elsewhere is not None:
            with workspace.fleet() as fleet:
                yield _through_ssh(workspace, fleet, elsewhere)
        else:
            raise NotRunning(_not_running(workspace))


@contextmanager
def live_controller(workspace: Workspace) -> Iterator[Controller | None]:
    """As `controller_of`, or None where there is certainly none; raises NoController where that is not known."""
    with ExitStack() as stack:
        found: Controller | None = None
        with suppress(NotRunning):
            found = stack.enter_context(controller_of(workspace))
        yield found


@contextmanager
def controller_if_alive(workspace: Workspace) -> Iterator[Controller | None]:
    """As `controller_of`, or None where there is none to ask: then the hosts are. Standard error says which."""
    with ExitStack() as stack:
        found: Controller | None = None
        try:
            found = stack.enter_context(controller_of(workspace))
            warn(f"asked the controller of provisioner {workspace.provisioner.name} at {found.where}")
        except (NoController, NoKey) as error:
            warn(f"asked the hosts: {error}")
        yield found


def known_name(workspace: Workspace) -> str:
    """The provisioner's name; where the settings are wrong by now, that of the only one that runs here."""
    try:
        return workspace.provisioner.name
    except SettingsError:
        folder = workspace.home.path / "run"
        alive = [path.stem for path in folder.glob("*.json") if find(workspace.home, path.stem) is not None]
        if len(alive) != 1:
            raise
        return alive[0]


def system_key(environ: Mapping[str, str], *, advice: str = _SAME_KEY) -> str:
    """The key between clients and the API; raises NoKey, which ends with the advice, when it is missing or weak."""
    key = environ.get("OZWALD_SYSTEM_KEY", "")
    if not key:
        raise NoKey(f"OZWALD_SYSTEM_KEY, the key for the API, is not set; {advice}")
    if len(key) < 16:
        raise NoKey(f"OZWALD_SYSTEM_KEY has fewer than 16 characters; {advice}")
    if not key.isascii() or any(ord(character) <= 32 for character in key):
        raise NoKey(f"OZWALD_SYSTEM_KEY has characters that no HTTP header can carry; {advice}")
    return key


def _client(workspace: Workspace, url: str) -> Client:
    try:
        return _client_at(workspace, url)
    except ValueError as err:
        raise RequestError(f"OZWALD_API_URL: {err}") from err


def _client_at(workspace: Workspace, url: str, connect: Callable[[], socket.socket] | None = None) -> Client:
    who = author()
    return Client(
        url,
        key=system_key(workspace.environ),
        author=who.owner,
        command=who.command,
        timeout_s=_ANSWER_S,
        connect=connect,
    )


def _other_machine(workspace: Workspace) -> Host | None:
    return other_machine(workspace.settings.inventory, workspace.provisioner, this_machine=socket.gethostname())


def _through_ssh(workspace: Workspace, fleet: "Fleet", host: Host) -> Controller:
    """Asks it once, which takes no key, so that one who is not there is known at once."""
    from ozwald.cli.elsewhere import address_there
    from ozwald.remote.tunnel import connect_through

    address = address_there(fleet.connection(host), workspace.provisioner)
    if address is None:
        raise NotRunning(f"{_not_running(workspace)}: {host.name} has no trace of it; {_SAY_WHERE}")

    def connect() -> socket.socket:
        return connect_through(fleet.connection(host), address, timeout_s=_ANSWER_S)

    where = f"{address[0]}:{address[1]} of {host.name}"
    try:
        Client(DEFAULT_URL, timeout_s=_ANSWER_S, connect=connect).health()
    except NoAnswer as error:
        if isinstance(error.__cause__, ConnectionRefusedError):
            raise NotRunning(f"{_not_running(workspace)}: nobody answers on {where}") from error
        raise
    client = _client_at(workspace, DEFAULT_URL, connect)
    return Controller(client=client, where=f"{where}, through SSH")


def _not_running(workspace: Workspace) -> str:
    return f"provisioner {workspace.provisioner.name} does not run (start it: ozwald start_provisioner)"


@contextmanager
def plainly() -> Iterator[None]:
    """What goes wrong between here and the API, in our own family of errors."""
    try:
        yield
    except ApiError as error:
        detail = f"the provisioner refuses OZWALD_SYSTEM_KEY: {_SAME_KEY}" if error.status == 401 else str(error)
        raise _KINDS.get(error.status, OzwaldError)(detail) from error
    except NoAnswer as error:
        raise NoController(str(error)) from error
    except ConnectionFailed as error:
        raise NoController(f"the provisioner's host cannot be reached: {error}") from error
