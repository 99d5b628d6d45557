"""Where and as whom to connect: the inventory first, then ssh_config, then OpenSSH's defaults."""

import getpass
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import paramiko
from paramiko.ssh_exception import ConfigParseError

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote import openssh, ssh_config_files
from ozwald.remote.algorithms import Algorithms
from ozwald.remote.hostkeys import SSH_PORT, SYSTEM_FILES, USER_FILES
from ozwald.remote.openssh import OpenSshError, Values
from ozwald.remote.ssh_config_files import USER_CONFIG
from ozwald.remote.ssh_tokens import TokenError, Tokens

SMALLEST_RSA_BITS: Final = 1024
CHOICES: Final = {
    "ciphers": "ciphers",
    "macs": "macs",
    "keys": "hostkeyalgorithms",
    "pubkeys": "pubkeyacceptedalgorithms",
    "kex": "kexalgorithms",
    "authorities": "casignaturealgorithms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """How connections are made. `config_file` and `known_hosts` None mean the user's own and the system's.

    `connect_timeout_s` is for one attempt to agree on keys, from the first packet on; `auth_timeout_s` for logging in.
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
    """One end of an SSH connection with everything decided; the names of files are ready to be opened.

    `own_identity` says that the inventory named the key. `jump` is None, or a chain as ProxyJump has it. `agent` is
    the socket of an SSH agent. `trusted_as` is the pattern with which `ozwald trust` records its key. `notes` are what
    the configuration asks for and nobody does, to be told when it fails.
    """

    host: Host
    address: str
    port: int
    user: str
    identity_files: tuple[str, ...] = ()
    certificate_files: tuple[str, ...] = ()
    own_identity: bool = False
    identities_only: bool = False
    agent: str | None = None
    jump: str | None = None
    proxy_command: str | None = None
    address_family: str = "any"
    bind_address: str | None = None
    known_hosts: tuple[str, ...] = ()
    revoked_keys: str | None = None
    host_key_alias: str | None = None
    hash_names: bool = False
    algorithms: Algorithms = field(default_factory=Algorithms)
    rsa_bits: int = SMALLEST_RSA_BITS
    connect_timeout_s: float = 10.0
    trusted_as: str = ""
    notes: tuple[str, ...] = ()


class _Parser(paramiko.SSHConfig):
    """Leaves tokens alone: paramiko would put in the file's port where the inventory has its own."""

    def __init__(self) -> None:
        super().__init__()
        self.TOKENS_BY_CONFIG_KEY = {}


class SshConfig:
    """The configuration files, read again when they change and shared by the threads that connect."""

    def __init__(self, options: SshOptions) -> None:
        self._options = options
        self._files = ssh_config_files.files(options.config_file)
        self._lock = threading.Lock()
        self._stamps: Mapping[Path, int] = {}
        self._parsed: _Parser | None = None
        self._asked: dict[tuple[str, str | None, int | None], Values] = {}

    def target(self, host: Host) -> SshTarget:
        """Decides everything about a connection to `host`; explicit inventory values win."""
        try:
            values = self._values(host)
            return self._target(host, values)
        except (OpenSshError, TokenError, ConfigParseError, paramiko.SSHException, ValueError, KeyError) as err:
            message = f"the SSH configuration cannot be used: {err}"
            raise ConnectionFailed(host.name, message, failure=Failure.TERMINAL) from err

    def _target(self, host: Host, values: Mapping[str, Any]) -> SshTarget:
        address, port = str(values.get("hostname") or host.address), host.port or int(values.get("port") or SSH_PORT)
        user, jump = host.user or str(values.get("user") or getpass.getuser()), host.jump or values.get("proxyjump")
        alias = _unless_none(str(values.get("hostkeyalias") or "none").lower())
        tokens = Tokens(host=address, original=host.address, port=port, user=user, jump=jump or "", alias=alias or "")
        command = None if host.jump else _unless_none(values.get("proxycommand"))
        files = [] if host.identity_file else values.get("identityfile") or []
        _refuse(values, has_proxy=command is not None)
        return SshTarget(
            host=host,
            address=address,
            port=port,
            user=user,
            identity_files=(host.identity_file,) if host.identity_file else _paths(files, tokens),
            certificate_files=_paths(values.get("certificatefile") or [], tokens),
            own_identity=host.identity_file is not None,
            identities_only=_is_yes(values, "identitiesonly"),
            agent=_agent(_unless_none(values.get("identityagent") or "SSH_AUTH_SOCK"), tokens),
            jump=_unless_none(jump),
            proxy_command=None if command is None else tokens.command(command),
            address_family=str(values.get("addressfamily") or "any").lower(),
            bind_address=_unless_none(values.get("bindaddress")),
            known_hosts=self._known_hosts(values, tokens),
            revoked_keys=_unless_none(values.get("revokedhostkeys")),
            host_key_alias=alias,
            hash_names=_is_yes(values, "hashknownhosts"),
            algorithms=Algorithms(**{kind: _choice(values.get(name)) for kind, name in CHOICES.items()}),
            rsa_bits=max(SMALLEST_RSA_BITS, int(values.get("requiredrsasize") or 0)),
            connect_timeout_s=_seconds(values.get("connecttimeout"), self._options.connect_timeout_s),
            trusted_as=host.name,
            notes=_notes(values),
        )

    def _values(self, host: Host) -> Mapping[str, Any]:
        with self._lock:
            self._load()
            if self._parsed is not None:
                return self._parsed.lookup(host.address)
            key = (host.address, host.user, host.port)
            known = self._asked.get(key)
        if known is None:
            named = self._options.config_file or ssh_config_files.moved_user_config()
            known = openssh.asked(host.address, config_file=named, user=host.user, port=host.port)
            self._asked[key] = known
        return known

    def _load(self) -> None:
        """Reads what has changed since; you hold the lock."""
        if self._stamps and self._stamps == _stamps(self._stamps):
            return
        self._stamps = _stamps([*self._files, *ssh_config_files.reached(self._files)])
        text = ssh_config_files.plain_text(self._files)
        self._parsed = None if text is None else _Parser.from_text(text)
        self._asked = {}

    def _known_hosts(self, values: Mapping[str, Any], tokens: Tokens) -> tuple[str, ...]:
        if self._options.known_hosts is not None:
            return self._options.known_hosts
        own = _file_names(values.get("userknownhostsfile"), USER_FILES)
        system = _file_names(values.get("globalknownhostsfile"), SYSTEM_FILES)
        # Keys are always compared, so where the user's own are to be thrown away they are kept in the usual file.
        return tuple(tokens.path(file) for file in [*(_real(own) or USER_FILES), *_real(system)])


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


def _refuse(values: Mapping[str, Any], *, has_proxy: bool) -> None:
    """Raises OpenSshError for what would change the way to the host or the login, and cannot be done."""
    if has_proxy and _is_yes(values, "proxyusefdpass"):
        raise OpenSshError("ProxyUseFdpass cannot be done: let ProxyCommand carry the bytes, or use ProxyJump")
    if interface := _unless_none(values.get("bindinterface")):
        raise OpenSshError(f"BindInterface {interface} cannot be done: set BindAddress to that interface's address")
    preferred = str(values.get("preferredauthentications") or "publickey").split(",")
    if str(values.get("pubkeyauthentication") or "yes") in ("no", "false") or "publickey" not in preferred:
        raise OpenSshError("it rules out keys, and only keys can be used: allow PubkeyAuthentication")


def _notes(values: Mapping[str, Any]) -> tuple[str, ...]:
    provider = _unless_none(values.get("pkcs11provider"))
    command = _unless_none(values.get("knownhostscommand"))
    return (
        *((f"keys of PKCS11Provider are used through the agent only: `ssh-add -s {provider}`",) if provider else ()),
        *(("KnownHostsCommand is not asked for host keys",) if command else ()),
    )


def _paths(names: Iterable[str], tokens: Tokens) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tokens.path(name) for name in names if name.lower() != "none"))


def _agent(named: str | None, tokens: Tokens) -> str | None:
    """The agent's socket; a name with a dollar, or SSH_AUTH_SOCK itself, is a variable's."""
    if named is None:
        return None
    variable = named if named == "SSH_AUTH_SOCK" else named[1:] if re.fullmatch(r"\$\w+", named) else None
    return (os.environ.get(variable) or None) if variable else tokens.path(named)


def _choice(value: object) -> tuple[str, ...] | None:
    return tuple(str(value).split(",")) if value else None


def _is_yes(values: Mapping[str, Any], name: str) -> bool:
    return str(values.get(name) or "no").lower() in ("yes", "true")


def _unless_none(value: object) -> str | None:
    return None if value is None or str(value).lower() == "none" else str(value)


def _file_names(value: object, default: Sequence[str]) -> Sequence[str]:
    """The files of a list. `ssh -G` drops the quotes around spaces, so a word that starts no path goes on with one."""
    names: list[str] = []
    for word in str(value or "").split():
        if names and not word.startswith(("/", "~", "%", "$")) and word.lower() != "none":
            names[-1] += f" {word}"
        else:
            names.append(word)
    return names or default


def _real(files: Sequence[str]) -> list[str]:
    return [file for file in files if file.lower() not in ("none", "/dev/null")]


def _seconds(value: object, default: float) -> float:
    text = str(value or "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) and float(text) > 0 else default


def _stamps(files: Iterable[Path]) -> Mapping[Path, int]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
