"""The keys that may open a host: files, with their passphrases asked once, and the agent."""

import base64
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.message import Message
from paramiko.pkey import UnknownKeyType

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote.ssh_config import DEFAULT_IDENTITIES, SshTarget

log = logging.getLogger(__name__)

MAGIC = b"openssh-key-v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A private key that can sign, and what to call it in a message."""

    label: str
    key: paramiko.PKey


class Identities:
    """Loads each key file once for all hosts and threads."""

    def __init__(self, *, ask_passphrase: Callable[[str], str | None] | None = None, use_agent: bool = True) -> None:
        self._ask = ask_passphrase
        self._use_agent = use_agent
        self._lock = threading.Lock()
        self._loaded: dict[str, paramiko.PKey | None] = {}

    def of(self, target: SshTarget, agent: paramiko.Agent | None) -> Iterator[Identity]:
        """The keys to offer, best first. A key file of the inventory is the only one; raises ConnectionFailed."""
        if target.identity_files:
            yield from self._from_files(target, agent)
            if target.own_identity or target.identities_only:
                return
        if agent is not None:
            for key in agent.get_keys():
                yield Identity(label=f"agent key {key.comment or key.fingerprint}", key=key)
        if not target.identity_files:
            for name in DEFAULT_IDENTITIES:
                path = Path(name).expanduser()
                if path.exists() and (found := self._load(path)) is not None:
                    yield Identity(label=str(path), key=found)

    def agent(self) -> paramiko.Agent | None:
        """A connection to the user's agent, or None; it is the caller's to close."""
        return paramiko.Agent() if self._use_agent else None

    def _from_files(self, target: SshTarget, agent: paramiko.Agent | None) -> Iterator[Identity]:
        for name in target.identity_files:
            path = Path(name).expanduser()
            if not path.exists():
                if target.own_identity:
                    raise _unusable(target, f"the key {path} does not exist: correct identity_file")
                continue
            key = _in_agent(path, agent) or self._load(path)
            if key is not None:
                yield Identity(label=str(path), key=key)
            elif target.own_identity:
                why = (
                    f"is locked: run `ssh-add {path}`" if os.access(path, os.R_OK) else "cannot be read: check its mode"
                )
                raise _unusable(target, f"the key {path} {why}")

    def _load(self, path: Path) -> paramiko.PKey | None:
        """The key of a file, or None when it has a passphrase that nobody gave."""
        with self._lock:
            if str(path) not in self._loaded:
                self._loaded[str(path)] = self._read(path)
            return self._loaded[str(path)]

    def _read(self, path: Path) -> paramiko.PKey | None:
        try:
            return paramiko.PKey.from_path(path)
        except (TypeError, paramiko.PasswordRequiredException):
            passphrase = self._ask(str(path)) if self._ask is not None else None
        except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as err:
            log.debug("%s is no key that can be used: %s", path, err)
            return None
        if not passphrase:
            return None
        try:
            return paramiko.PKey.from_path(path, passphrase.encode())  # type: ignore[arg-type]
        except (ValueError, TypeError, paramiko.SSHException):
            return None


def _in_agent(path: Path, agent: paramiko.Agent | None) -> paramiko.PKey | None:
    """The agent's copy of a key file, which needs no passphrase."""
    keys = agent.get_keys() if agent is not None else ()
    blob = _public_blob(path) if keys else None
    return next((key for key in keys if key.asbytes() == blob), None)


def _public_blob(path: Path) -> bytes | None:
    """The public half of a key: of its `.pub` file, or from OpenSSH's format, which leaves it readable."""
    try:
        words = path.with_name(path.name + ".pub").read_text("ascii", "replace").split()
        return base64.b64decode(words[1])
    except (OSError, ValueError, IndexError):
        pass
    try:
        content = base64.b64decode("".join(path.read_text("ascii", "replace").splitlines()[1:-1]))
    except (OSError, ValueError):
        return None
    if not content.startswith(MAGIC):
        return None
    message = Message(content[len(MAGIC) :])
    for _ in range(3):
        message.get_binary()
    message.get_int()
    return message.get_binary()


def _unusable(target: SshTarget, message: str) -> ConnectionFailed:
    return ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL)
