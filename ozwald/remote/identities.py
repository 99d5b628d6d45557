"""The keys that may open a host: files, with their passphrases asked once, certificates, and the agent."""

import base64
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paramiko
from paramiko.message import Message
from paramiko.pkey import PublicBlob, UnknownKeyType

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote import hostcerts
from ozwald.remote.agent import Agent
from ozwald.remote.ssh_config import SshTarget

log = logging.getLogger(__name__)

MAGIC: Final = b"openssh-key-v1\x00"
LOCKED: Final = (TypeError, paramiko.PasswordRequiredException)  # what a missing passphrase raises
TRIES: Final = 3
PUBLIC: Final = ("ssh-", "ecdsa-", "sk-")
DEFAULT_FILES: Final = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


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

    def of(self, target: SshTarget, agent: Agent | None) -> Iterator[Identity]:
        """The keys to offer, best first. A key file of the inventory is the only one; raises ConnectionFailed."""
        certificates = _certificates(target.certificate_files)
        if target.identity_files:
            for found in self._from_files(target, agent):
                yield from _with_certificates(found, certificates)
            if target.own_identity or target.identities_only:
                return
        for key in agent.keys if agent is not None else ():
            found = Identity(label=f"agent key {key.comment or key.fingerprint}", key=key)
            yield from _with_certificates(found, certificates)
        if not target.identity_files:
            for name in DEFAULT_FILES:
                path = Path(name).expanduser()
                if path.exists() and (loaded := self._load(path)) is not None:
                    yield from _with_certificates(Identity(label=str(path), key=loaded), certificates)

    def unlock(self, target: SshTarget) -> None:
        """Asks for a chosen key's passphrase, where one is needed, before anything waits for the key."""
        path = Path(target.identity_files[0]).expanduser() if target.identity_files else None
        if self._ask is None or path is None or str(path) in self._loaded or not _is_locked(path):
            return
        agent = self.agent(target)
        try:
            if _in_agent(path, agent) is None:
                self._load(path)
        finally:
            if agent is not None:
                agent.close()

    def agent(self, target: SshTarget) -> Agent | None:
        """A connection to the agent that counts for a target, or None; it is the caller's to close."""
        return Agent(target.agent) if self._use_agent and target.agent else None

    def unusable(self, target: SshTarget) -> list[str]:
        """Key files that are there and could not be used, each with the reason."""
        names = target.identity_files or DEFAULT_FILES
        paths = [path for path in (Path(name).expanduser() for name in names) if path.exists()]
        return [f"{path} {_why(path)}" for path in paths if self._loaded.get(str(path), self) is None]

    def _from_files(self, target: SshTarget, agent: Agent | None) -> Iterator[Identity]:
        for name in target.identity_files:
            path = Path(name).expanduser()
            if not path.exists() and not _public_blob(path):
                if target.own_identity:
                    raise _unusable(target, f"the key {path} does not exist: correct identity_file")
                continue
            key = _in_agent(path, agent) or self._load(path)
            if key is not None:
                yield Identity(label=str(path), key=key)
            elif target.own_identity:
                raise _unusable(target, f"the key {path} {_why(path)}")

    def _load(self, path: Path) -> paramiko.PKey | None:
        """The key of a file, or None when it has a passphrase that nobody gave."""
        with self._lock:
            if str(path) not in self._loaded:
                self._loaded[str(path)] = self._read(path)
            return self._loaded[str(path)]

    def _read(self, path: Path) -> paramiko.PKey | None:
        try:
            return paramiko.PKey.from_path(path)
        except LOCKED:
            return self._unlocked(path)
        except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as err:
            log.debug("%s is no key that can be used: %s", path, err)
            return None

    def _unlocked(self, path: Path) -> paramiko.PKey | None:
        for _ in range(TRIES):
            passphrase = self._ask(str(path)) if self._ask is not None else None
            if not passphrase:
                break
            try:
                return paramiko.PKey.from_path(path, passphrase.encode())  # type: ignore[arg-type]
            except (ValueError, TypeError, paramiko.SSHException):
                continue
        return None


def _is_locked(path: Path) -> bool:
    try:
        paramiko.PKey.from_path(path)
    except LOCKED:
        return True
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType):
        return False
    return False


def _with_certificates(found: Identity, certificates: list[tuple[str, bytes]]) -> Iterator[Identity]:
    """A key's certificates first, then the key alone: a host may take either."""
    own: PublicBlob | None = getattr(found.key, "public_blob", None)
    if own is not None:
        yield found
    for name, blob in certificates:
        if hostcerts.plain_key(blob) == found.key.asbytes() and (own is None or own.key_blob != blob):
            certificate = PublicBlob(Message(blob).get_text(), blob)
            yield Identity(label=f"{found.label} with {name}", key=_copied(found.key, certificate))
    if not found.key.get_name().endswith(hostcerts.SUFFIX):
        yield Identity(label=found.label, key=_copied(found.key, None))


def _copied(key: paramiko.PKey, certificate: PublicBlob | None) -> paramiko.PKey:
    """The same key with another certificate or none. An agent's key does not survive copy.copy()."""
    twin: paramiko.PKey = object.__new__(type(key))
    twin.__dict__.update(key.__dict__, public_blob=certificate)
    return twin


def _certificates(files: tuple[str, ...]) -> list[tuple[str, bytes]]:
    found = []
    for name in files:
        try:
            words = Path(name).expanduser().read_text("ascii", "replace").split()
            blob = base64.b64decode(words[1])
            hostcerts.plain_key(blob)
        except (OSError, ValueError, IndexError) as err:
            log.debug("CertificateFile %s cannot be used: %s", name, err)
            continue
        found.append((name, blob))
    return found


def _why(path: Path) -> str:
    if not os.access(path, os.R_OK):
        return "cannot be read: check its mode"
    try:
        text = path.read_text("ascii", "replace")
    except OSError as err:
        return f"cannot be read: {err.strerror}"
    if text.startswith(PUBLIC):
        return "is a public key, and the agent does not hold its other half: run `ssh-add`"
    if "PRIVATE KEY" not in text:
        return "is no private key"
    return f"is locked: run `ssh-add {path}`"


def _in_agent(path: Path, agent: Agent | None) -> paramiko.PKey | None:
    """The agent's copy of a key file, which needs no passphrase."""
    keys = agent.keys if agent is not None else ()
    blob = _public_blob(path) if keys else None
    return next((key for key in keys if key.asbytes() == blob and not key.name.endswith(hostcerts.SUFFIX)), None)


def _public_blob(path: Path) -> bytes | None:
    """The public half of a key: of its `.pub` file, which may be all there is, or from OpenSSH's own format."""
    for file in (path.with_name(path.name + ".pub"), path):
        try:
            words = file.read_text("ascii", "replace").split()
            if words[0].startswith(PUBLIC):
                return base64.b64decode(words[1])
        except (OSError, ValueError, IndexError):
            continue
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
