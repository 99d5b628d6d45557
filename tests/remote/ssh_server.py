"""An SSH server inside the test, to misbehave in ways that sshd does not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.server import InteractiveQuery

from ozwald.model.host import Host
from ozwald.remote.hostkeys import HostKey
from ozwald.remote.known_hosts_file import record_host_key
from ozwald.remote.ssh_config import SshOptions

STREAMLOCAL = "direct-streamlocal@openssh.com"
Exec = Callable[[paramiko.Channel, bytes], None]


@dataclass
class Behaviour:
    """What the server does; `drops` connections are hung up on before the banner.

    `offers` counts keys and `secrets` keeps whatever else a client lets go; `prepare` gets each fresh transport.
    """

    drops: int = 0
    refuses_keys: bool = False
    methods: str = "publickey"
    answer: int = paramiko.AUTH_SUCCESSFUL  # type: ignore[attr-defined]
    prepare: Callable[[paramiko.Transport], None] | None = None
    on_exec: Exec | None = None
    streamlocal: Exec | None = None
    hesitates_s: float = 0.0
    connections: int = 0
    offers: int = 0
    secrets: list[str] = field(default_factory=list)
    transports: list[paramiko.Transport] = field(default_factory=list)


class SshServer:
    """A listening server with one host key and one accepted client key."""

    def __init__(self, folder: Path, behaviour: Behaviour, host_key: paramiko.PKey | None = None) -> None:
        self.behaviour = behaviour
        self.host_key = host_key or paramiko.ECDSAKey.generate()
        client_key = paramiko.ECDSAKey.generate()
        self.identity_file = folder / "id"
        client_key.write_private_key_file(str(self.identity_file))
        self.accepted = client_key.asbytes()
        self.known_hosts = folder / "known_hosts"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.trust(self.host_key)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> Host:
        return Host(name="box1", address="127.0.0.1", port=self.port, user="ada", identity_file=str(self.identity_file))

    @property
    def options(self) -> SshOptions:
        return SshOptions(config_file="/dev/null", known_hosts=(str(self.known_hosts),), use_agent=False)

    def trust(self, key: paramiko.PKey) -> None:
        shown = HostKey(type=key.get_name(), blob=key.asbytes())
        record_host_key(str(self.known_hosts), f"[127.0.0.1]:{self.port}", shown, replace=True)

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # close() alone would not wake accept()
        self.listener.close()
        for transport in self.behaviour.transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.behaviour.connections += 1
            if self.behaviour.connections <= self.behaviour.drops:
                peer.close()
                continue
            transport = paramiko.Transport(peer)
            transport.set_log_channel("tests.ssh_server")
            transport.add_server_key(self.host_key)
            self.behaviour.transports.append(transport)
            if self.behaviour.prepare is not None:
                self.behaviour.prepare(transport)
            transport.start_server(event=threading.Event(), server=_Interface(self))


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._kinds: dict[int, str] = {}

    def get_allowed_auths(self, username: str) -> str:
        return self._server.behaviour.methods

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.behaviour.secrets.append(password)
        return paramiko.AUTH_FAILED  # type: ignore[attr-defined,no-any-return]

    def check_auth_interactive(self, username: str, submethods: bytes | str) -> InteractiveQuery:
        self._server.behaviour.secrets.append("interactive")
        return InteractiveQuery("login", "", ("Password: ", False))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.behaviour.offers += 1
        is_known = key.asbytes() == self._server.accepted and not self._server.behaviour.refuses_keys
        return self._server.behaviour.answer if is_known else paramiko.AUTH_FAILED  # type: ignore[attr-defined]

    def check_channel_request(self, kind: str, chanid: int) -> int:
        behaviour = self._server.behaviour
        if kind == STREAMLOCAL and behaviour.streamlocal is not None:
            transport = behaviour.transports[-1]
            threading.Thread(target=_serve, args=(transport, behaviour.streamlocal), daemon=True).start()
            return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined,no-any-return]
        is_session = kind == "session"
        time.sleep(behaviour.hesitates_s)
        return paramiko.OPEN_SUCCEEDED if is_session else paramiko.OPEN_FAILED_CONNECT_FAILED  # type: ignore[attr-defined,no-any-return]

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        act = self._server.behaviour.on_exec
        if act is not None:
            threading.Timer(0.02, act, (channel, command)).start()  # after the request has been answered
        return act is not None


def _serve(transport: paramiko.Transport, act: Exec) -> None:
    channel = transport.accept(5.0)
    if channel is not None:
        act(channel, b"")


@contextmanager
def ssh_server(
    folder: Path, behaviour: Behaviour | None = None, host_key: paramiko.PKey | None = None
) -> Iterator[SshServer]:
    server = SshServer(folder, behaviour or Behaviour(), host_key)
    try:
        yield server
    finally:
        server.close()
