"""The user's SSH agent, which may hang or refuse without holding anybody up."""

import logging
import socket
from contextlib import suppress
from typing import Any, Final

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

from ozwald.remote.hostcerts import SUFFIX

log = logging.getLogger(__name__)

LIST_S: Final = 5.0


class Agent(AgentSSH):
    """A connection to an agent; close it. `keys` are those that it held when it was asked."""

    def __init__(self, path: str) -> None:
        """Connects and asks for the keys; an agent that is not there, hangs or talks nonsense has none."""
        super().__init__()
        self.keys: tuple[AgentKey, ...] = ()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(LIST_S)
        try:
            self._sock.connect(path)
            self._connect(self._sock)  # type: ignore[attr-defined]
            self.keys = tuple(_Key(key, self) for key in self.get_keys())
        except (OSError, paramiko.SSHException, ValueError, IndexError, TypeError) as err:
            log.debug("no keys from the agent at %s: %s", path, err)
            self.close()

    def limit(self, timeout_s: float) -> None:
        """How long a signature may take from now on; somebody may have to touch a key for it."""
        with suppress(OSError):
            self._sock.settimeout(timeout_s)

    def close(self) -> None:
        self._sock.close()


class _Key(AgentKey):
    """A key whose agent may refuse to sign: the host then refuses the login, and the next key has its turn.

    paramiko signs on the connection's own thread, where an error would end the connection.
    """

    def __init__(self, key: AgentKey, agent: Agent) -> None:
        super().__init__(agent=agent, blob=key.blob, comment=key.comment)
        if self.name.endswith(SUFFIX):
            self.public_blob: Any = PublicBlob(self.name, key.blob)

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        try:
            return super().sign_ssh_data(data, algorithm)
        except (OSError, paramiko.SSHException, TypeError) as err:
            log.debug("the agent does not sign with %s: %s", self.comment, err)
            return b""
