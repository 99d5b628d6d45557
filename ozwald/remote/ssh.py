"""Opens SSH connections: through jump hosts, with retries where a host hangs up early, never past a deadline."""

import logging
import random
import re
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import paramiko

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote import handshake, hostkeys, sockets
from ozwald.remote.connection import SshConnection
from ozwald.remote.handshake import DroppedEarly
from ozwald.remote.hostkeys import USER_FILE, HostKey, KnownHosts, KnownKey
from ozwald.remote.identities import Identities
from ozwald.remote.ssh_config import SshConfig, SshOptions, SshTarget, jump_host
from ozwald.remote.text import clean

log = logging.getLogger(__name__)

STARTS_AT_ONCE: Final = 8  # sshd begins to drop connections at 10 that are not logged in (MaxStartups)
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
MOST_JUMPS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """What a host shows before any login: its key, what is recorded of it and the file a new key belongs in."""

    host: str
    name: str
    key: HostKey
    recorded: tuple[KnownKey, ...]
    file: str

    @property
    def is_known(self) -> bool:
        return any(line.key == self.key and not line.marker for line in self.recorded)


class SshOpener:
    """Opens connections to the hosts of one inventory, from many threads; jump connections are shared."""

    def __init__(self, *, inventory: Mapping[str, Host], options: SshOptions | None = None) -> None:
        self._inventory = inventory
        self._options = options or SshOptions()
        self._config = SshConfig(self._options)
        self._identities = Identities(ask_passphrase=self._options.ask_passphrase, use_agent=self._options.use_agent)
        self._known = _KnownFiles()
        self._jumps = _Jumps()
        self._starts: defaultdict[tuple[str, int], threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(STARTS_AT_ONCE)
        )

    def open(self, host: Host, *, deadline: float | None = None) -> SshConnection:
        """Connects, checks the host key and logs in; raises ConnectionFailed or HostKeyError."""
        target = self._config.target(host)
        started = time.monotonic()
        transport = self._connected(target, self._deadline(target, deadline))
        log.debug("%s: connected in %.0f ms", host.name, (time.monotonic() - started) * 1000)
        return SshConnection(host, transport)

    def show_key(self, host: Host, *, deadline: float | None = None) -> ShownKey:
        """The key a host shows, without logging in to it (but to the jump hosts before it)."""
        target = self._config.target(host)
        known = self._known.load(target.known_hosts)
        by = self._deadline(target, deadline)
        transport = self._begun(target, known, by, via=self._way_to(target, by))
        try:
            name = handshake.name_of(target)
            return ShownKey(
                host=host.name,
                name=name,
                key=handshake.shown_key(transport),
                recorded=known.of(name),
                file=target.known_hosts[0] if target.known_hosts else USER_FILE,
            )
        finally:
            handshake.end(transport)

    def close(self) -> None:
        """Ends the jump connections."""
        self._jumps.close()

    def _deadline(self, target: SshTarget, deadline: float | None) -> float:
        default = time.monotonic() + target.connect_timeout_s + self._options.auth_timeout_s
        return default if deadline is None else deadline

    def _connected(self, target: SshTarget, deadline: float) -> paramiko.Transport:
        return self._logged_in(target, deadline, via=self._way_to(target, deadline))

    def _way_to(self, target: SshTarget, deadline: float) -> paramiko.Transport | None:
        """The connection to the last jump host, opening those before it where nobody has yet."""
        link: paramiko.Transport | None = None
        way: tuple[str, ...] = ()
        for hop in self._hops(target):
            way = (*way, f"{hop.user}@{hop.address}:{hop.port}")
            try:
                link = self._jumps.get(way, partial(self._logged_in, hop, deadline, via=link))
            except ConnectionFailed as err:
                message = f"jump host {hop.host.name}: {err.message}"
                raise ConnectionFailed(target.host.name, message, failure=err.failure) from err
        return link

    def _hops(self, target: SshTarget) -> list[SshTarget]:
        hops: list[SshTarget] = []
        while target.jump is not None:
            if len(hops) == MOST_JUMPS:
                message = f"the jump hosts lead in a circle: {', '.join(hop.host.name for hop in hops)}"
                raise ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL)
            before, _, last = target.jump.rpartition(",")
            hop = self._config.target(jump_host(last.strip(), self._inventory))
            target = replace(hop, jump=before) if before else hop
            hops.insert(0, target)
        return hops

    def _logged_in(self, target: SshTarget, deadline: float, *, via: paramiko.Transport | None) -> paramiko.Transport:
        known = self._known.load(target.known_hosts)
        with self._turn(target, deadline):
            transport = self._begun(target, known, deadline, via=via)
            try:
                handshake.check_host_key(transport, target, known)
                handshake.authenticate(transport, target, self._identities, deadline=deadline)
            except BaseException:
                handshake.end(transport)
                raise
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
        self, target: SshTarget, known: KnownHosts, deadline: float, *, via: paramiko.Transport | None
    ) -> paramiko.Transport:
        pause_s = FIRST_PAUSE_S
        while True:
            sock = _socket(target, deadline, via=via)
            try:
                return handshake.begin(sock, target, known, deadline=deadline)
            except DroppedEarly as err:
                wait_s = pause_s * (0.5 + random.random())
                if time.monotonic() + wait_s >= deadline:
                    raise
                log.debug("%s: %s; trying again", target.host.name, err.message)
                time.sleep(wait_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def open_ssh(
    host: Host,
    *,
    inventory: Mapping[str, Host] | None = None,
    options: SshOptions | None = None,
    deadline: float | None = None,
) -> SshConnection:
    """One connection by itself; closing it ends its jump connections as well."""
    opener = SshOpener(inventory=inventory or {}, options=options)
    try:
        connection = opener.open(host, deadline=deadline)
    except BaseException:
        opener.close()
        raise
    return SshConnection(host, connection.transport, on_close=opener.close)


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


class _Jumps:
    """One connection per way to a jump host, opened by whoever needs it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: defaultdict[tuple[str, ...], threading.Lock] = defaultdict(threading.Lock)
        self._open: dict[tuple[str, ...], paramiko.Transport] = {}

    def get(self, way: tuple[str, ...], connect: Callable[[], paramiko.Transport]) -> paramiko.Transport:
        with self._lock:
            lock = self._locks[way]
        with lock:
            link = self._open.get(way)
            if link is None or not link.is_active():
                link = self._open[way] = connect()
            return link

    def close(self) -> None:
        with self._lock:
            links = list(self._open.values())
            self._open.clear()
        for link in reversed(links):
            handshake.end(link)


def _socket(target: SshTarget, deadline: float, *, via: paramiko.Transport | None) -> socket.socket | paramiko.Channel:
    connect_by = min(deadline, time.monotonic() + target.connect_timeout_s)
    if via is not None:
        return _tunnel(target, via, connect_by)
    if target.proxy_command is not None:
        return _proxied(target, target.proxy_command)
    return sockets.connect(target.host.name, target.address, target.port, deadline=connect_by)


def _tunnel(target: SshTarget, via: paramiko.Transport, connect_by: float) -> paramiko.Channel:
    place = (target.address, target.port)
    try:
        limit_s = max(0.1, connect_by - time.monotonic())
        return via.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=limit_s)
    except (paramiko.SSHException, EOFError, OSError) as err:
        message = f"its jump host cannot connect to {place[0]} port {place[1]}: {clean(str(err))}"
        raise ConnectionFailed(target.host.name, message, failure=Failure.RETRYABLE) from err


def _proxied(target: SshTarget, text: str) -> socket.socket:
    """A socket whose other end is a ProxyCommand's input and output."""
    values = {"h": target.address, "p": str(target.port), "r": target.user, "n": target.host.address, "%": "%"}
    line = re.sub("%([hprn%])", lambda token: values[token.group(1)], text)
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            words = ["sh", "-c", f"exec {line}"]
            subprocess.Popen(
                words,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as err:
            ours.close()
            message = f"ProxyCommand {clean(line)}: {err}"
            raise ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL) from err
    return ours
