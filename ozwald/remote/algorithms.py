"""The algorithms that are offered to a host: those that OpenSSH's client offers too, and no weaker ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import paramiko

CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)
KEYS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
KEY_EXCHANGES: Final = (
    "mlkem768x25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
)
CERTIFICATE: Final = "-cert-v01@openssh.com"
OTHER_NAMES: Final = {"curve25519-sha256@libssh.org": "curve25519-sha256"}
KINDS: Final = {"ciphers": CIPHERS, "macs": MACS, "keys": KEYS, "pubkeys": KEYS, "kex": KEY_EXCHANGES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """What ssh_config allows, by kind; None is everything that is offered anyway."""

    ciphers: tuple[str, ...] | None = None
    macs: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    pubkeys: tuple[str, ...] | None = None
    kex: tuple[str, ...] | None = None
    authorities: tuple[str, ...] | None = None

    def chosen(self, kind: str) -> tuple[str, ...]:
        """The names to offer, best first."""
        allowed: tuple[str, ...] | None = getattr(self, kind)
        known = KINDS[kind]
        if allowed is None:
            return known
        names = {name.removesuffix(CERTIFICATE) for name in allowed}
        return tuple(name for name in known if name in names or OTHER_NAMES.get(name) in names)

    def allows_key(self, name: str) -> bool:
        """Whether a host may prove itself with this algorithm, certificates' names included."""
        return self.keys is None or name in self.keys

    def allows_authority(self, name: str) -> bool:
        """Whether a certificate may be signed with this algorithm."""
        return self.authorities is None or name in self.authorities

    def missing(self) -> str | None:
        """The first kind of which nothing is left."""
        return next((kind for kind in KINDS if not self.chosen(kind)), None)


def disabled(algorithms: Algorithms) -> Mapping[str, Sequence[str]]:
    """What paramiko would offer and is not to, in the form its Transport takes."""
    return {
        kind: [name for name in getattr(paramiko.Transport, f"_preferred_{kind}") if name not in chosen]
        for kind, chosen in ((kind, set(algorithms.chosen(kind))) for kind in KINDS)
    }
