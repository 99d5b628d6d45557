"""Opens SSH connections: through jump hosts, with retries where a host hangs up early, never past a deadline."""

import logging
import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import paramiko
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.model.host import Host
from ozwald.remote import handshake, hostkeys, sockets
from ozwald.remote.connection import SshConnection
from ozwald.remote.handshake import DroppedEarly
from ozwald.remote.hostkeys import HostKey, KnownHosts, KnownKey
from ozwald.remote.identities import Identities
from ozwald.remote.jumps import Jumps
from ozwald.remote.proxy_command import ProxySocket
from ozwald.remote.ssh_config import SshConfig, SshOptions, SshTarget, jump_host
from ozwald.remote.text import clean
from ozwald.remote.transport import GuardedTransport

log = logging.getLogger(__name__)

STARTS_AT_ONCE: Final = 8  # sshd begins to drop connections at 10 that are not logged in (MaxStartups)
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
MOST_JUMPS: Final = 8
FAMILIES: Final = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """What a host shows before any login: its key, what is recorded of it and the file a new key belongs in.

    `is_known` says that a login would go on: the key is recorded, or an authority vouches for it.
    """

    host: str
    name: str
    key: HostKey
    recorded: tuple[KnownKey, ...]
    file: str
    hashed: bool = False
    is_known: bool

    @property
    def is_revoked(self) -> bool:
        return any(line.key.blob == self.key.blob and line.marker == "revoked" for line in self.recorded)

    @property
    def others(self) -> tuple[KnownKey, ...]:
        """The lines that record another key than the one that is shown, where that one is not known."""
        return () if self.is_known else tuple(line for line in self.recorded if not line.marker)


class SshOpener:
    """Opens connections to the hosts of one inventory, from many threads; jump connections are shared."""

    def __init__(self, *, inventory: Mapping[str, Host], options: SshOptions | None = None) -> None:
        self._inventory = inventory
        self._options = options or SshOptions()
        self._config = SshConfig(self._options)
        self._identities = Identities(ask_passphrase=self._options.ask_passphrase, use_agent=self._options.use_agent)
        self._known = _KnownFiles()
        self._jumps = Jumps()
        self._starts: defaultdict[tuple[str, int], threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(STARTS_AT_ONCE)
        )

    def open(self, host: Host, *, deadline: float | None = None) -> SshConnection:
        """Connects, checks the host key and logs in; raises ConnectionFailed or HostKeyError."""
        target = self._config.target(host)
        deadline = self._unlocked(target, deadline)
        started = time.monotonic()
        transport = self._connected(target, self._deadline(target, deadline))
        log.debug("%s: connected in %.0f ms", host.name, (time.monotonic() - started) * 1000)
        return SshConnection(host, transport)

    def show_key(self, host: Host, *, deadline: float | None = None) -> ShownKey:
        """The key a host shows, without logging in to it (but to the jump hosts before it)."""
        target = self._config.target(host)
        known = self._known.load(target.known_hosts)
        by = self._deadline(target, self._unlocked(target, deadline))
        transport = self._begun(target, known, by, via=self._way_to(target, by))
        try:
            name = handshake.name_of(target)
            return ShownKey(
                host=host.name,
                name=name,
                key=handshake.shown_key(transport),
                recorded=known.of(name),
                file=target.known_hosts[0],
                hashed=target.hash_names,
                is_known=_passes(transport, target, known),
            )
        finally:
            handshake.end(transport)

    def take(self, inventory: Mapping[str, Host]) -> None:
        """Finds jump hosts in another inventory from now on."""
        self._inventory = inventory

    def jump_hosts(self, host: Host) -> tuple[Host, ...]:
        """The jump hosts before a host, the first one first; raises ConnectionFailed where there is no such way."""
        return tuple(hop.host for hop in self._hops(self._config.target(host)))

    def close(self) -> None:
        """Ends the jump connections."""
        self._jumps.close()

    def _unlocked(self, target: SshTarget, deadline: float | None) -> float | None:
        """Has passphrases asked for; the deadline moves by what a person takes for them."""
        began = time.monotonic()
        for hop in (*self._hops(target), target):
            self._identities.unlock(hop)
        return None if deadline is None else deadline + time.monotonic() - began

    def _deadline(self, target: SshTarget, deadline: float | None) -> float:
        default = time.monotonic() + target.connect_timeout_s + self._options.auth_timeout_s
        return default if deadline is None else deadline

    def _connected(self, target: SshTarget, deadline: float) -> GuardedTransport:
        return self._logged_in(target, deadline, via=self._way_to(target, deadline))

    def _way_to(self, target: SshTarget, deadline: float) -> GuardedTransport | None:
        """The connection to the last jump host, opening those before it where nobody has yet."""
        link: GuardedTransport | None = None
        way: tuple[str, ...] = ()
        for hop in self._hops(target):
            way = (*way, f"{hop.user}@{hop.address}:{hop.port}")
            try:
                link = self._jumps.get(way, partial(self._logged_in, hop, deadline, via=link), deadline=deadline)
            except ConnectionFailed as err:
                message = f"jump host {hop.host.name}: {err.message}"
                if isinstance(err, HostKeyError):
                    raise HostKeyError(target.host.name, message) from err
                raise ConnectionFailed(target.host.name, message, failure=err.failure) from err
        return link

    def _hops(self, target: SshTarget) -> list[SshTarget]:
        hops: list[SshTarget] = []
        name = target.host.name
        while target.jump is not None:
            if len(hops) == MOST_JUMPS:
                message = f"the jump hosts lead in a circle: {', '.join(hop.host.name for hop in hops)}"
                raise ConnectionFailed(name, message, failure=Failure.TERMINAL)
            before, _, last = target.jump.rpartition(",")
            hop = self._config.target(jump_host(last.strip(), self._inventory))
            trusted_as = hop.host.name if hop.host.name in self._inventory else name
            hop = replace(hop, trusted_as=trusted_as)
            target = replace(hop, jump=before, proxy_command=None) if before else hop
            hops.insert(0, target)
        return hops

    def _logged_in(self, target: SshTarget, deadline: float, *, via: GuardedTransport | None) -> GuardedTransport:
        known = self._known.load(target.known_hosts)
        with self._turn(target, deadline):
            transport = self._begun(target, known, deadline, via=via)
            try:
                handshake.check_host_key(transport, target, known)
                auth_by = min(deadline, time.monotonic() + self._options.auth_timeout_s)
                handshake.authenticate(transport, target, self._identities, deadline=auth_by)
            except BaseException:
                handshake.end(transport)
                raise
        transport.rest()
        return transport

    @contextmanager
    def _turn(self, target: SshTarget, deadline: float) -> Iterator[None]:
        """Paces the logins at one sshd, which may stand for many inventory hosts."""
        turn = self._starts[target.address, target.port]
        if not turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            message = "too many other connections to the same address are still being made"
            raise ConnectionFailed(target.host.name, message, failure=Failure.RETRYABLE)
        try:
            yield
        finally:
            turn.release()

    def _begun(
        self, target: SshTarget, known: KnownHosts, deadline: float, *, via: GuardedTransport | None
    ) -> GuardedTransport:
        """Agrees on keys, with another try where the host hung up too early to mean it."""
        pause_s = FIRST_PAUSE_S
        while True:
            attempt_by = min(deadline, time.monotonic() + target.connect_timeout_s)
            try:
                sock = _socket(target, attempt_by, via=via)
                return handshake.begin(sock, target, known, deadline=attempt_by)
            except DroppedEarly as err:
                wait_s = pause_s * (0.5 + random.random())
                if time.monotonic() + wait_s >= deadline:
                    raise
                log.debug("%s: %s; trying again", target.host.name, err.message)
                time.sleep(wait_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def _passes(transport: GuardedTransport, target: SshTarget, known: KnownHosts) -> bool:
    try:
        handshake.check_host_key(transport, target, known)
    except HostKeyError:
        return False
    return True


class _KnownFiles:
    """known_hosts files, read again when they change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[tuple[str, ...], tuple[tuple[int, ...], KnownHosts]] = {}

    def load(self, files: tuple[str, ...]) -> KnownHosts:
        with self._lock:
            stamps = tuple(_stamp(file) for file in files)
            if files not in self._read or self._read[files][0] != stamps:
                self._read[files] = (stamps, hostkeys.load(files))
            return self._read[files][1]


def _stamp(file: str) -> int:
    try:
        return Path(file).expanduser().stat().st_mtime_ns
    except OSError:
        return 0


def _socket(target: SshTarget, connect_by: float, *, via: GuardedTransport | None) -> socket.socket | paramiko.Channel:
    if via is not None:
        return _tunnel(target, via, connect_by)
    if target.proxy_command is not None:
        return _proxied(target, target.proxy_command)
    return sockets.connect(
        target.host.name,
        target.address,
        target.port,
        deadline=connect_by,
        family=FAMILIES[target.address_family],
        source=target.bind_address,
    )


def _tunnel(target: SshTarget, via: GuardedTransport, connect_by: float) -> paramiko.Channel:
    place = f"{target.address} port {target.port}"
    try:
        limit_s = max(0.1, connect_by - time.monotonic())
        with via.working():
            return via.open_channel("direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=limit_s)
    except paramiko.ChannelException as err:
        forbidden = err.code == OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        why = "forwarding is forbidden there (AllowTcpForwarding)" if forbidden else clean(err.text).lower()
        message = f"its jump host cannot connect to {place}: {why}"
        failure = Failure.TERMINAL if forbidden else Failure.RETRYABLE
        raise ConnectionFailed(target.host.name, message, failure=failure) from err
    except (paramiko.SSHException, EOFError, OSError) as err:
        why = clean(str(err)) if via.is_active() else f"the connection to it is lost ({via.why_lost()})"
        message = f"its jump host does not connect to {place}: {why}"
        raise ConnectionFailed(target.host.name, message, failure=Failure.RETRYABLE) from err


def _proxied(target: SshTarget, line: str) -> ProxySocket:
    try:
        return ProxySocket.start(line)
    except OSError as err:
        message = f"ProxyCommand {clean(line)}: {err}"
        raise ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL) from err
