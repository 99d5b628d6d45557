"""Host certificates: a key that an authority of known_hosts vouches for (OpenSSH's PROTOCOL.certkeys)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import paramiko
from paramiko.message import Message
from paramiko.pkey import UnknownKeyType

from ozwald.errors import HostKeyError
from ozwald.remote.hostkeys import HostKey, KnownKey, fits

SUFFIX: Final = "-cert-v01@openssh.com"
HOST_TYPE: Final = 2
KEY_FIELDS: Final = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCertificate:
    """A certificate as read, before anything in it is believed; times are seconds since the epoch."""

    type: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: bytes
    authority: HostKey
    signed: bytes
    signature: bytes


def parse_certificate(blob: bytes) -> HostCertificate:
    """Reads a certificate; raises ValueError where it is none."""
    reader = _Reader(blob)
    kind = reader.string().decode().removesuffix(SUFFIX)
    for _ in range(1 + KEY_FIELDS.get(kind, 0)):  # a nonce, then the key itself
        reader.string()
    reader.number(8)
    type_, key_id = reader.number(4), reader.string().decode()
    names = _Reader(reader.string())
    principals = []
    while not names.is_at_end:
        principals.append(names.string().decode())
    after, before = reader.number(8), reader.number(8)
    critical, _, _, authority = (reader.string() for _ in range(4))
    signed = blob[: reader.place]
    signature = reader.string()
    if kind not in KEY_FIELDS or not reader.is_at_end:
        raise ValueError("not a host certificate of a known kind")
    return HostCertificate(
        type=type_,
        key_id=key_id,
        principals=tuple(principals),
        valid_after=after,
        valid_before=before,
        critical_options=critical,
        authority=HostKey(type=_Reader(authority).string().decode(), blob=authority),
        signed=signed,
        signature=signature,
    )


def authorities(known: Sequence[KnownKey]) -> list[HostKey]:
    """The keys that may vouch for a host; `known` are the lines that speak of it."""
    return [line.key for line in known if line.marker == "cert-authority"]


def plain_key(blob: bytes) -> bytes:
    """The public key inside a certificate, as it would be sent alone; raises ValueError."""
    reader = _Reader(blob)
    kind = reader.string().decode().removesuffix(SUFFIX)
    reader.string()
    fields = [kind.encode(), *(reader.string() for _ in range(KEY_FIELDS[kind]))] if kind in KEY_FIELDS else []
    return b"".join(len(content).to_bytes(4, "big") + content for content in fields)


def check_certificate(
    host_name: str,
    name: str,
    known: Sequence[KnownKey],
    blob: bytes,
    *,
    now: float | None = None,
    allows: Callable[[str], bool] = lambda algorithm: True,
) -> None:
    """Raises HostKeyError unless an authority that is trusted for the host vouches for `name`, now.

    `allows` says whether a certificate may be signed with an algorithm.
    """
    try:
        certificate = parse_certificate(blob)
    except ValueError as err:
        raise HostKeyError(host_name, str(err)) from err
    problem = _revocation(certificate, blob, known)
    problem = problem or _problem(certificate, name, known, time.time() if now is None else now, allows)
    if problem is not None:
        raise HostKeyError(host_name, f"its host certificate ({certificate.key_id!a}) is refused: {problem}")


def _revocation(certificate: HostCertificate, blob: bytes, known: Sequence[KnownKey]) -> str | None:
    revoked = {line.key.blob for line in known if line.marker == "revoked"}
    if certificate.authority.blob in revoked:
        return f"its authority {certificate.authority.fingerprint} is marked as revoked"
    return "its key is marked as revoked" if plain_key(blob) in revoked else None


def _problem(
    certificate: HostCertificate, name: str, known: Sequence[KnownKey], now: float, allows: Callable[[str], bool]
) -> str | None:
    authority = certificate.authority
    if authority not in authorities(known):
        return f"no @cert-authority line of known_hosts has {authority.fingerprint}"
    if not _is_signed(certificate):
        return "its signature is wrong"
    algorithm = _Reader(certificate.signature).string().decode()
    if not allows(algorithm):
        return f"CASignatureAlgorithms does not allow {algorithm}"
    if certificate.type != HOST_TYPE:
        return "it is a user's, not a host's"
    if not certificate.principals:
        # OpenSSH before 10.3 took this for any host, and gave that up after CVE-2024-7594.
        return f"it names no host; sign the key again with `ssh-keygen -h -n {name}`"
    if not any(fits(principal, name) for principal in certificate.principals):
        return f"it is for {', '.join(certificate.principals)}, not for {name}"
    if not certificate.valid_after <= now < certificate.valid_before:
        return "it is not valid now: renew it, or correct the clocks"
    if certificate.critical_options:
        return "it has critical options, and none are known"
    return None


def _is_signed(certificate: HostCertificate) -> bool:
    authority = certificate.authority
    try:
        key = paramiko.PKey.from_type_string(authority.type, authority.blob)
        return bool(key.verify_ssh_sig(certificate.signed, Message(certificate.signature)))
    except (paramiko.SSHException, UnknownKeyType, ValueError, IndexError):
        return False


class _Reader:
    """SSH's wire format, strictly: paramiko's reader makes up zeros where a message ends too early."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self.place = 0

    def take(self, count: int) -> bytes:
        if count > len(self._blob) - self.place:
            raise ValueError("not a host certificate: it breaks off")
        self.place += count
        return self._blob[self.place - count : self.place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def string(self) -> bytes:
        return self.take(self.number(4))

    @property
    def is_at_end(self) -> bool:
        return self.place == len(self._blob)
