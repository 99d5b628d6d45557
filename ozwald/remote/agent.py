"""The user's SSH agent, which may hang or refuse without holding anybody up."""

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import paramiko
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PublicBlob

from ozwald.remote.hostcerts import SUFFIX

log = logging.getLogger(__name__)

LIST_S: Final = 5.0
REQUEST_IDENTITIES: Final = bytes([11])
IDENTITIES_ANSWER: Final = 12
MOST_KEYS: Final = 2048  # as for OpenSSH's client, and the next one too; paramiko takes any number for true
ANSWER_BYTES: Final = 256 << 10


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
            self._conn = self._sock
            self.keys = tuple(self._listed())
        except (OSError, paramiko.SSHException, ValueError, IndexError, TypeError) as err:
            log.debug("no keys from the agent at %s: %s", path, err)
            self.close()

    def _listed(self) -> Iterator["_Key"]:
        kind, answer = self._send_message(REQUEST_IDENTITIES)  # type: ignore[attr-defined]
        count = answer.get_int()
        if kind != IDENTITIES_ANSWER or count > MOST_KEYS:
            raise paramiko.SSHException("it does not list its keys")
        for _ in range(count):
            blob, comment = answer.get_binary(), answer.get_binary().decode("utf-8", "replace")
            yield _Key(agent=self, blob=blob, comment=comment)

    def _read_all(self, wanted: int) -> bytes:
        if wanted > ANSWER_BYTES:
            raise paramiko.SSHException(f"it announces an answer of {wanted} bytes")
        content: bytes = super()._read_all(wanted)  # type: ignore[misc]
        return content

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

    def __init__(self, agent: Agent, blob: bytes, comment: str) -> None:
        super().__init__(agent=agent, blob=blob, comment=comment)
        if self.name.endswith(SUFFIX):
            self.public_blob: Any = PublicBlob(self.name, blob)

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        try:
            return super().sign_ssh_data(data, algorithm)
        except (OSError, paramiko.SSHException, TypeError) as err:
            log.debug("the agent does not sign with %s: %s", self.comment, err)
            return b""
