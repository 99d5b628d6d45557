"""What OpenSSH's own programs say: `ssh -G` about a configuration, `ssh-keygen -Q` about a revoked key."""

import base64
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ozwald.remote.text import clean

ASK_S: Final = 10.0
DEFAULT_NAME: Final = re.compile(r"/\.ssh/id_(rsa|dsa|ecdsa|ecdsa_sk|ed25519|ed25519_sk|xmss)\Z")
KRL_MAGIC: Final = b"SSHKRL\n"
LISTS: Final = ("identityfile", "certificatefile")

Values = Mapping[str, str | list[str]]


class OpenSshError(Exception):
    """A program of OpenSSH is missing or refuses; the text says why."""


def asked(address: str, *, config_file: str | None, user: str | None, port: int | None) -> Values:
    """What `ssh -G` makes of all the configuration for one address, lower-case names to values as it writes them.

    Raises OpenSshError. Key files that are only its own defaults are left out.
    """
    words = ["ssh", "-G"]
    words += ["-F", str(Path(config_file).expanduser())] if config_file else []
    words += ["-l", user] if user else []
    words += ["-p", str(port)] if port else []
    return _values(_run([*words, "--", address]).decode("utf-8", "replace"))


def is_revoked(file: str, key_type: str, blob: bytes) -> bool:
    """Whether a RevokedHostKeys file, a list of public keys or a binary KRL, has a key; raises OpenSshError."""
    try:
        content = Path(file).expanduser().read_bytes()
    except OSError as err:
        raise OpenSshError(f"RevokedHostKeys {file} cannot be read: {err.strerror}") from err
    text = base64.b64encode(blob).decode()
    if not content.startswith(KRL_MAGIC):
        return text.encode() in content.split()
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as key:
        key.write(f"{key_type} {text}\n")
        key.flush()
        done = _finished(["ssh-keygen", "-Q", "-f", str(Path(file).expanduser()), key.name])
    if done.returncode not in (0, 1):
        raise OpenSshError(f"RevokedHostKeys {file}: {clean(done.stderr)}")
    return done.returncode == 1


def _run(words: Sequence[str]) -> bytes:
    done = _finished(words)
    if done.returncode:
        raise OpenSshError(clean(done.stderr) or f"`{words[0]}` ended with {done.returncode}")
    return done.stdout


def _finished(words: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as err:
        raise OpenSshError(f"it says more than can be read without OpenSSH's `{words[0]}`: install that") from err
    except OSError as err:
        raise OpenSshError(f"`{words[0]}`: {err}") from err
    with process:
        try:
            out, err_out = process.communicate(timeout=ASK_S)
        except subprocess.TimeoutExpired as err:
            raise OpenSshError(f"`{' '.join(words[:2])}` took longer than {ASK_S:g} s (a Match exec?)") from err
        finally:
            _end(process)
    return subprocess.CompletedProcess(words, process.returncode, out, err_out)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a program with what it has started, which may hold its output open."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _values(text: str) -> Values:
    values: dict[str, str | list[str]] = {}
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key.lower() in lists:
            lists[key.lower()].append(value)
        else:
            values.setdefault(key.lower(), value)
    if all(DEFAULT_NAME.search(path) for path in lists["identityfile"]):
        lists["identityfile"] = []
    return {**values, **lists}
