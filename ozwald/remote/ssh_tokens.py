"""The percent tokens and `${NAME}` of ssh_config values (ssh_config(5), TOKENS and ENVIRONMENT VARIABLES)."""

import getpass
import hashlib
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IN_COMMANDS: Final = "%hnpr"
TOKEN: Final = re.compile(r"%(.?)|\$\{([^}]*)\}")


class TokenError(ValueError):
    """A value uses a token or a variable that has no meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the tokens stand for on the way to one host; `original` is the name before HostName."""

    host: str
    original: str
    port: int
    user: str
    jump: str
    alias: str

    def path(self, text: str) -> str:
        """A file's name with its tokens, variables and `~` replaced; raises TokenError."""
        return str(Path(_replaced(text, self._values(), variable=_variable)).expanduser())

    def command(self, text: str) -> str:
        """A ProxyCommand with its tokens replaced; its variables are the shell's business. Raises TokenError."""
        values = {letter: value for letter, value in self._values().items() if letter in IN_COMMANDS}
        return _replaced(text, values, variable=None)

    def _values(self) -> Mapping[str, str]:
        here = socket.gethostname()
        facts = here + self.host + str(self.port) + self.user + self.jump
        return {
            "%": "%",
            "C": hashlib.sha1(facts.encode()).hexdigest(),
            "d": str(Path.home()),
            "h": self.host,
            "i": str(os.getuid()),
            "j": self.jump,
            "k": self.alias or self.host,
            "L": here.partition(".")[0],
            "l": here,
            "n": self.original,
            "p": str(self.port),
            "r": self.user,
            "u": getpass.getuser(),
        }


def _replaced(text: str, values: Mapping[str, str], *, variable: Callable[[str], str] | None) -> str:
    def value(found: re.Match[str]) -> str:
        token, name = found.groups()
        if token is None:
            return found.group() if variable is None else variable(name)
        if token not in values:
            raise TokenError(f"%{token} in {text!r} has no meaning there")
        return values[token]

    return TOKEN.sub(value, text)


def _variable(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError as err:
        raise TokenError(f"the environment has no {name}") from err
