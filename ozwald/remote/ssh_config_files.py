"""The ssh_config files that count, and whether they say only what can be read without OpenSSH's own client."""

import glob
import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

USER_CONFIG: Final = "~/.ssh/config"
SYSTEM_CONFIG: Final = "/etc/ssh/ssh_config"
DEEPEST_INCLUDE: Final = 16

WORD: Final = r"[^\s\"'\\#%$=]+"
WORDS: Final = rf"{WORD}([ \t]+{WORD})*"
YES_NO: Final = "yes|no"

# What paramiko reads as OpenSSH does, when it is written in this way.
PLAIN: Final[Mapping[str, str]] = {
    "host": r"[^\s\"'\\#%$=\[\]]+([ \t]+[^\s\"'\\#%$=\[\]]+)*",
    "hostname": WORD,
    "user": WORD,
    "port": r"\d{1,5}",
    "identityfile": WORD,
    "identitiesonly": YES_NO,
    "proxyjump": WORD,
    "proxycommand": r"[^\"'\\#$]+",
    "userknownhostsfile": WORDS,
    "globalknownhostsfile": WORDS,
    "hostkeyalias": WORD,
    "connecttimeout": r"\d{1,6}",
    "hashknownhosts": YES_NO,
}

# What has no bearing on which machine is reached and how safely: forwarding, terminals, sharing of connections …
HARMLESS_NAMES: Final = """
    addkeystoagent batchmode checkhostip clearallforwardings compression connectionattempts controlmaster controlpath
    controlpersist dynamicforward enableescapecommandline escapechar exitonforwardfailure fingerprinthash
    forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
    gssapiauthentication gssapidelegatecredentials gssapikeyexchange gssapirenewalforcesrekey gssapitrustdns
    ignoreunknown ipqos kbdinteractiveauthentication challengeresponseauthentication kbdinteractivedevices
    localcommand localforward loglevel logverbose nohostauthenticationforlocalhost numberofpasswordprompts
    passwordauthentication permitlocalcommand permitremoteopen remotecommand remoteforward requesttty sendenv
    serveralivecountmax serveraliveinterval sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink
    stricthostkeychecking syslogfacility tcpkeepalive tunnel tunneldevice updatehostkeys usekeychain verifyhostkeydns
    visualhostkey xauthlocation
"""
HARMLESS: Final = frozenset(HARMLESS_NAMES.split())

LINE: Final = re.compile(r"\s*(?P<key>[A-Za-z0-9]+)(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>.*?)\s*")


def files(config_file: str | None) -> tuple[Path, ...]:
    """The files to read, in order: the one that is named, or else the user's and the system's."""
    names = (config_file,) if config_file else (USER_CONFIG, SYSTEM_CONFIG)
    return tuple(Path(name).expanduser() for name in names)


def moved_user_config() -> str | None:
    """The user's file where HOME leads elsewhere than the password file, which is all that OpenSSH looks at."""
    path = Path(USER_CONFIG).expanduser()
    try:
        is_usual = Path(pwd.getpwuid(os.getuid()).pw_dir) == Path.home()
    except KeyError:
        is_usual = False
    return None if is_usual or not path.exists() else str(path)


def plain_text(paths: tuple[Path, ...]) -> str | None:
    """All the files as one text that paramiko understands, or None when they say more than that."""
    parts: list[str] = []
    keys: list[str] = []
    for path in paths:
        lines = read(path).splitlines()
        if not all(_is_plain(line, path.parent) for line in lines):
            return None
        parts.append("\n".join(line for line in lines if _key(line) in PLAIN))
        keys += map(_key, lines)
    # The first of several counts, also where a jump and a command meet; paramiko gets that wrong.
    is_clear = keys.count("proxycommand") == 0 or keys.count("proxycommand") + keys.count("proxyjump") == 1
    return "\nHost *\n".join(parts) if is_clear else None


def reached(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files and everything that they include."""
    found: list[Path] = []
    waiting = [(path, 0) for path in paths]
    while waiting:
        path, depth = waiting.pop()
        if path in found or depth > DEEPEST_INCLUDE:
            continue
        found.append(path)
        for line in read(path).splitlines():
            waiting += [(more, depth + 1) for more in _included(line, path.parent)]
    return tuple(found)


def read(path: Path) -> str:
    """A file's text, none where it cannot be read, as OpenSSH does."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _is_plain(line: str, folder: Path) -> bool:
    """Whether a line is understood, or has no bearing here."""
    if not line.strip() or line.lstrip().startswith("#"):
        return True
    found = LINE.fullmatch(line)
    key = _key(line)
    if found is None or key in HARMLESS:
        return found is not None
    if key == "include":
        inner = reached(tuple(_included(line, folder)))
        return all(
            _key(more) in HARMLESS | {"", "host", "include"} for path in inner for more in read(path).splitlines()
        )
    return key in PLAIN and "=" not in line[: found.start("value")] and _fits(key, found["value"])


def _fits(key: str, value: str) -> bool:
    return re.fullmatch(PLAIN[key], value) is not None


def _key(line: str) -> str:
    """The keyword of a line in small letters, empty for a comment or an empty line."""
    found = LINE.match(line)
    return found["key"].lower() if found and not line.lstrip().startswith("#") else ""


def _included(line: str, folder: Path) -> Iterator[Path]:
    """The files an Include line names; relative names lie in `~/.ssh` or `/etc/ssh`, whichever the file is of."""
    found = LINE.fullmatch(line)
    if found is None or found["key"].lower() != "include":
        return
    for word in found["value"].replace('"', " ").split():
        path = Path(word).expanduser()
        path = path if path.is_absolute() else _home_of(folder) / path
        yield from map(Path, sorted(glob.glob(str(path))))


def _home_of(folder: Path) -> Path:
    system = Path(SYSTEM_CONFIG).parent
    return system if folder.is_relative_to(system) else Path("~/.ssh").expanduser()
