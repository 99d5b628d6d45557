"""known_hosts as OpenSSH reads it: which key a host must show, and the refusal when it shows another."""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ozwald.errors import HostKeyError

log = logging.getLogger(__name__)

SYSTEM_FILES: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
USER_FILES: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SSH_PORT: Final = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """A public key as SSH sends it: the name of its algorithm and its blob."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """What `ssh-keygen -lf` prints, `SHA256:…`."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """One line of a known_hosts file. `marker` is empty, `cert-authority` or `revoked`."""

    patterns: tuple[str, ...]
    key: HostKey
    marker: str = ""
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHosts:
    """The lines of all known_hosts files that count, in order."""

    keys: tuple[KnownKey, ...]

    def of(self, name: str) -> tuple[KnownKey, ...]:
        """The lines that speak of a host, named as `known_name` has it."""
        return tuple(known for known in self.keys if _matches(known.patterns, name))

    def off_port(self, name: str) -> tuple[KnownKey, ...]:
        """For a host named with its port, the lines that speak of its address alone."""
        plain = re.fullmatch(r"\[(.+)]:\d+", name)
        return self.of(plain.group(1)) if plain else ()


def known_name(address: str, port: int, alias: str | None = None) -> str:
    """What a host is called in known_hosts: its alias, `address`, or `[address]:port` off port 22."""
    if alias:
        return alias.lower()
    return address.lower() if port == SSH_PORT else f"[{address.lower()}]:{port}"


def load(files: Iterable[str]) -> KnownHosts:
    """Reads known_hosts files; one that is missing or unreadable has no lines."""
    keys: list[KnownKey] = []
    for name in files:
        path = Path(name).expanduser()
        try:
            text = path.read_text("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as err:
            log.warning("cannot read %s: %s", path, err.strerror)
            continue
        keys += parse(text, file=str(path))
    return KnownHosts(keys=tuple(keys))


def parse(text: str, *, file: str = "known_hosts") -> list[KnownKey]:
    """Reads the lines of one file and skips, as OpenSSH does, those that make no sense."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        marker = words.pop(0)[1:] if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", "cert-authority", "revoked"):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        key = HostKey(type=words[1], blob=blob)
        found.append(KnownKey(patterns=tuple(words[0].split(",")), key=key, marker=marker, file=file, line=number))
    return found


def check(
    host_name: str, name: str, known: Sequence[KnownKey], shown: HostKey, *, trusted_as: str | None = None
) -> None:
    """Raises HostKeyError unless `shown` is a recorded key of the host; `known` are the lines that speak of it."""
    if any(line.marker == "revoked" and line.key.blob == shown.blob for line in known):
        raise HostKeyError(host_name, f"the host key {shown.fingerprint} ({shown.type}) is marked as revoked")
    recorded = [line for line in known if not line.marker]
    if any(line.key == shown for line in recorded):
        return
    pattern = trusted_as or host_name
    if recorded:
        raise HostKeyError(host_name, _changed(pattern, name, recorded, shown))
    raise HostKeyError(
        host_name,
        f"its host key is not known: {name} shows {shown.fingerprint} ({shown.type}). "
        f"Compare that with the machine's own and run `ozwald trust {pattern}`",
    )


def preferred_types(known: Sequence[KnownKey], types: Sequence[str]) -> tuple[str, ...]:
    """Algorithm names with those first for which a key is recorded, so that the host shows one we can compare."""
    recorded = {line.key.type for line in known if not line.marker}
    if "ssh-rsa" in recorded:
        recorded |= {"rsa-sha2-512", "rsa-sha2-256"}
    return tuple(sorted(types, key=lambda name: name not in recorded))


def _changed(pattern: str, name: str, recorded: Sequence[KnownKey], shown: HostKey) -> str:
    line = next((line for line in recorded if line.key.type == shown.type), recorded[0])
    return (
        f"its host key has changed: {name} shows {shown.fingerprint} ({shown.type}), but {line.place} records "
        f"{line.key.fingerprint} ({line.key.type}). Somebody may be listening in. If the machine was reinstalled, "
        f"run `ozwald trust --replace {pattern}`"
    )


def _matches(patterns: Sequence[str], name: str) -> bool:
    if any(pattern.startswith("!") and _fits(pattern[1:], name) for pattern in patterns):
        return False
    return any(_fits(pattern, name) for pattern in patterns if not pattern.startswith("!"))


def _fits(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return is_name(pattern, name)
    return fits(pattern.lower(), name)


def fits(pattern: str, name: str) -> bool:
    """Whether a name is as an OpenSSH pattern has it, in which only `*` and `?` stand for something else."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    literal = re.sub(r"[\[\]]", lambda bracket: f"[{bracket.group()}]", pattern)
    return fnmatch.fnmatchcase(name, literal)


def is_name(pattern: str, name: str) -> bool:
    """Whether a pattern is this name itself, in clear or hashed."""
    if not pattern.startswith("|1|"):
        return pattern.lower() == name
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in pattern[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
