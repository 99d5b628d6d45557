"""What each host of a lab is to be, and the small language that names it on a command line."""

import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.lab.errors import LabError

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """Traits of one host; recordings are file names under `tests/recordings/<vendor>`.

    `cards` repeats the NVIDIA recording's card with other UUIDs; `sshd` are lines for sshd_config that
    win over the lab's own; `dockerd` are extra words for dockerd's command line.
    """

    nvidia: str | None = None
    cards: int = 1
    amd: str | None = None
    docker: bool = True
    sudo_docker: bool = False
    jump: str | None = None
    sshd: tuple[str, ...] = ()
    dockerd: tuple[str, ...] = ()
    memory_bytes: int | None = None

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, object]) -> "HostOptions":
        unknown = value.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise LabError(f"unknown host option {', '.join(sorted(unknown))}; known: {known_options()}")
        words = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**words)  # type: ignore[arg-type]


def known_options() -> str:
    return ", ".join(field.name for field in fields(HostOptions))


def parse_spec(spec: str) -> tuple[str, HostOptions]:
    """Reads `name[:option=value]...`; a lone option is true, numbers are numbers, `sshd` may be repeated."""
    name, *words = spec.split(":")
    options: dict[str, object] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key in ("sshd", "dockerd"):
            known = options.get(key, [])
            options[key] = [*known, text] if isinstance(known, list) else [text]
        else:
            options[key] = _scalar(text)
    return name, HostOptions.from_json(options)


def _scalar(text: str) -> object:
    words: dict[str, object] = {"": True, "true": True, "false": False}
    return int(text) if text.isdigit() else words.get(text, text)


def check(hosts: dict[str, HostOptions]) -> None:
    """Raises LabError where the fleet asked for cannot be built."""
    for name, options in hosts.items():
        if not NAME.match(name):
            raise LabError(f"{name!r} is no host name: letters, digits, '.', '_', '-', at most 63")
        for vendor, recording in (("nvidia", options.nvidia), ("amd", options.amd)):
            if recording and not (RECORDINGS / vendor / recording).is_file():
                known = ", ".join(sorted(path.name for path in (RECORDINGS / vendor).glob("*.*")))
                raise LabError(f"{name}: no recording {recording}; there are {known}")
        if options.jump and (options.jump not in hosts or hosts[options.jump].jump):
            raise LabError(f"{name}: its jump host {options.jump} is no directly reachable host of the lab")
    if len(hosts) > 200:
        raise LabError(f"{len(hosts)} hosts: a lab holds 200")
