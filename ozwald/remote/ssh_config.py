"""Where and as whom to connect: the inventory first, then ssh_config, then OpenSSH's defaults."""

import getpass
import re
import shlex
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import paramiko
from paramiko.ssh_exception import ConfigParseError

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote.hostkeys import SSH_PORT, SYSTEM_FILE, USER_FILE
from ozwald.remote.text import clean

USER_CONFIG: Final = "~/.ssh/config"
BEYOND_PARAMIKO: Final = re.compile(r"^\s*(include\b|match\b.*\bexec\b)", re.IGNORECASE | re.MULTILINE)
DEFAULT_IDENTITIES: Final = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
DEFAULT_NAME: Final = re.compile(r"/\.ssh/id_(rsa|dsa|ecdsa|ecdsa_sk|ed25519|ed25519_sk|xmss)\Z")
SSH_G_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """How connections are made. `config_file` and `known_hosts` None mean the user's own and the system's.

    `ask_passphrase` gets the path of a key file and returns its passphrase, or None; each file is asked for once.
    """

    config_file: str | None = None
    known_hosts: tuple[str, ...] | None = None
    connect_timeout_s: float = 10.0
    auth_timeout_s: float = 15.0
    use_agent: bool = True
    ask_passphrase: Callable[[str], str | None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """One end of an SSH connection with everything decided.

    `own_identity` says that the inventory named the key. `jump` is None, or a chain as ProxyJump has it.
    """

    host: Host
    address: str
    port: int
    user: str
    identity_files: tuple[str, ...]
    own_identity: bool
    identities_only: bool
    jump: str | None
    proxy_command: str | None
    known_hosts: tuple[str, ...]
    host_key_alias: str | None
    connect_timeout_s: float


class _Parser(paramiko.SSHConfig):
    """Leaves a ProxyCommand's tokens alone: paramiko would put in the file's port where the inventory has its own."""

    def __init__(self) -> None:
        super().__init__()
        self.TOKENS_BY_CONFIG_KEY = {**self.TOKENS_BY_CONFIG_KEY, "proxycommand": ["~"]}


class SshConfig:
    """The configuration files, read once and shared by the threads that connect."""

    def __init__(self, options: SshOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._parsed: _Parser | None = None
        self._is_beyond = False

    def target(self, host: Host) -> SshTarget:
        """Decides everything about a connection to `host`; explicit inventory values win."""
        with self._lock:
            self._load()
        values = self._asked(host) if self._is_beyond else self._looked_up(host)
        files = tuple(map(str, values.get("identityfile") or ()))
        return SshTarget(
            host=host,
            address=str(values.get("hostname") or host.address),
            port=host.port or int(values.get("port") or SSH_PORT),
            user=host.user or str(values.get("user") or getpass.getuser()),
            identity_files=(host.identity_file,) if host.identity_file else files,
            own_identity=host.identity_file is not None,
            identities_only=str(values.get("identitiesonly", "no")).lower() == "yes",
            jump=_unless_none(host.jump or values.get("proxyjump")),
            proxy_command=None if host.jump else _unless_none(values.get("proxycommand")),
            known_hosts=self._known_hosts(values),
            host_key_alias=_unless_none(values.get("hostkeyalias")),
            connect_timeout_s=_seconds(values.get("connecttimeout"), self._options.connect_timeout_s),
        )

    def _load(self) -> None:
        if self._parsed is not None or self._is_beyond:
            return
        path = Path(self._options.config_file or USER_CONFIG).expanduser()
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            text = ""
        self._is_beyond = BEYOND_PARAMIKO.search(text) is not None
        try:
            self._parsed = _Parser.from_text("" if self._is_beyond else text)
        except ConfigParseError:
            self._is_beyond = True

    def _looked_up(self, host: Host) -> Mapping[str, Any]:
        assert self._parsed is not None
        try:
            return self._parsed.lookup(host.address)
        except (ValueError, KeyError, paramiko.SSHException) as err:
            raise _unusable(host, str(err)) from err

    def _asked(self, host: Host) -> Mapping[str, Any]:
        """The answer of `ssh -G`, which knows all of ssh_config."""
        words = ["ssh", "-G"]
        words += ["-F", str(Path(self._options.config_file).expanduser())] if self._options.config_file else []
        words += ["-l", host.user] if host.user else []
        words += ["-p", str(host.port)] if host.port else []
        try:
            done = subprocess.run([*words, "--", host.address], capture_output=True, timeout=SSH_G_S, check=True)
        except FileNotFoundError as err:
            raise _unusable(host, "it uses Include or Match, which needs the `ssh` program to read") from err
        except subprocess.CalledProcessError as err:
            raise _unusable(host, clean(err.stderr)) from err
        except (subprocess.TimeoutExpired, OSError) as err:
            raise _unusable(host, f"`ssh -G`: {err}") from err
        return _ssh_g(done.stdout.decode("utf-8", "replace"))

    def _known_hosts(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        if self._options.known_hosts is not None:
            return self._options.known_hosts
        own = _words(values.get("userknownhostsfile")) or [USER_FILE]
        system = _words(values.get("globalknownhostsfile")) or [SYSTEM_FILE]
        return tuple(file for file in [*own, *system] if file.lower() not in ("none", "/dev/null"))


def aliases(config_file: str | None = None) -> list[str]:
    """The hosts that an ssh_config names in full, in its order; none when it cannot be read."""
    try:
        text = Path(config_file or USER_CONFIG).expanduser().read_text("utf-8", "replace")
    except OSError:
        return []
    lines = re.findall(r"^\s*host[\s=]+(.+)$", text, re.IGNORECASE | re.MULTILINE)
    names = [name.strip('"') for line in lines for name in line.split()]
    return list(dict.fromkeys(name for name in names if not re.search(r"[*?!#]", name)))


def jump_host(spec: str, inventory: Mapping[str, Host]) -> Host:
    """The host one hop of a jump chain means: a name of the inventory, or `[user@]host[:port]`."""
    if spec in inventory:
        return inventory[spec]
    user, at, place = spec.removeprefix("ssh://").rpartition("@")
    found = re.fullmatch(r"\[(?P<v6>[^]]+)\](?::(?P<p6>\d+))?|(?P<name>[^:]+)(?::(?P<port>\d+))?|(?P<bare>.+)", place)
    if found is None or (at and not user):
        raise ConnectionFailed(spec, "this is no jump host: write NAME or user@host:port", failure=Failure.TERMINAL)
    port = found["p6"] or found["port"]
    address = found["v6"] or found["name"] or found["bare"]
    return Host(name=spec, address=address, user=user or None, port=int(port) if port else None)


def _ssh_g(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    identities: list[str] = []
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == "identityfile":
            identities.append(value)
        else:
            values.setdefault(key, value)
    if not all(DEFAULT_NAME.search(path) for path in identities):
        values["identityfile"] = identities
    return values


def _unless_none(value: object) -> str | None:
    return None if value is None or str(value).lower() == "none" else str(value)


def _words(value: object) -> list[str]:
    return shlex.split(str(value)) if value else []


def _seconds(value: object, default: float) -> float:
    text = str(value or "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) and float(text) > 0 else default


def _unusable(host: Host, why: str) -> ConnectionFailed:
    return ConnectionFailed(host.name, f"the SSH configuration cannot be used: {why}", failure=Failure.TERMINAL)
