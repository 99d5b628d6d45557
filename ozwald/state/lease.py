"""The lease that makes one controller of a provisioner the active one, as Redis keeps it."""

import hashlib
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

LEASE_S = 15.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# What a controller that ends of its own accord leaves in place of its lease.
FREE = "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A controller that would be active; `name` and `url` tell people where it is.

    `place` is the same for all that use one data folder of one machine since it was booted: of these only one lives
    at a time, so it may take at once what the one before it held. `token` is another for each process.
    """

    place: str
    token: str
    name: str
    url: str

    @property
    def text(self) -> str:
        """As it stands in Redis."""
        return f"{self.place} {self.token} {json.dumps({'name': self.name, 'url': self.url})}"

    @property
    def writer(self) -> str:
        """Who has written something, also after a reboot."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What Redis says of the lease: whose it is, and for how many seconds yet.

    `holder` None means nobody's; `is_new` that it was taken by this very call, and not renewed.
    """

    holder: str | None
    expires_s: float = 0.0
    is_mine: bool = False
    is_new: bool = False

    @property
    def shown(self) -> str:
        """The holder as people know it."""
        try:
            told = json.loads((self.holder or "").split(" ", 2)[2])
            return f"{told['name']} ({told['url']})"
        except (ValueError, LookupError, TypeError):
            return "another controller"


def candidate(folder: Path, url: str) -> Candidate:
    """This process, as one that may be active."""
    token = secrets.token_hex(8)
    name = f"{socket.gethostname()}:{folder}"
    return Candidate(place=_place(folder) or token, token=token, name=name, url=url)


def _place(folder: Path) -> str:
    """Nothing where the machine does not tell one boot from another: then a lease has to run out."""
    try:
        boot, found = BOOT_ID.read_text().strip(), os.stat(folder)
    except OSError:
        return ""
    text = f"{boot} {socket.gethostname()} {folder} {found.st_dev} {found.st_ino}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
