"""A host from the variables by which Ansible reaches it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from ozwald.config.ansible.own_variables import with_own_variables
from ozwald.config.context import Context
from ozwald.config.problems import Problems
from ozwald.config.sources import Places, Variable
from ozwald.config.words import split_words
from ozwald.model.host import Connection, Host

Read = TypeVar("Read")

_CONNECTIONS = {
    **dict.fromkeys(("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh"), Connection.SSH),
    **dict.fromkeys(("local", "ansible.builtin.local"), Connection.LOCAL),
}
_TRUE = frozenset(("yes", "on", "1", "true", "t", "y", "1.0"))
_FALSE = frozenset(("no", "off", "0", "false", "f", "n", "0.0", ""))
_TEMPLATE = re.compile(r"\{[{%#]")
# In the order in which Ansible puts them behind `ssh`, which obeys the first of two.
_SSH_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_OPTION_NAME = re.compile(r"[A-Za-z]+")
_UNUSED = {
    **dict.fromkeys(("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"), "Ozwald logs in with keys"),
    **dict.fromkeys(("ansible_become_password", "ansible_become_pass"), "'sudo -n' asks for no password"),
}


def host_from_variables(
    name: str, variables: Mapping[str, Variable], context: Context, told: set[int]
) -> tuple[Host, Places]:
    """The host that these variables describe, and where each word of it stands.

    What Ozwald cannot honour becomes a problem, once for a variable that several hosts have: `told` is for that.
    """
    read = _Reader(name, variables, context.problems, told)
    address = read.first("address", _text, "ansible_ssh_host", "ansible_host")
    port = read.first("port", _port, "ansible_ssh_port", "ansible_port")
    user = read.first("user", _text, "ansible_ssh_user", "ansible_user")
    key = read.first("identity_file", _text, "ansible_ssh_private_key_file", "ansible_private_key_file")
    connection = read.first("connection", _connection, "ansible_connection")
    is_this_machine = name == "localhost" and not (address or port or user or key)
    jumps = [read.first("jump", _jump, argument) for argument in _SSH_ARGUMENTS]
    become = read.first("become", _boolean, "ansible_become") or False
    if become:
        read.first("", _sudo, "ansible_become_method")
        read.first("", _root, "ansible_become_user")
    read.warn_of_passwords()
    host = Host(
        name=name,
        address=address or name,
        port=port,
        user=user,
        identity_file=str(Path(context.cwd, context.home(key))) if key else None,
        jump=next((jump for jump in jumps if jump), None),
        connection=connection or (Connection.LOCAL if is_this_machine else Connection.SSH),
        become=become,
    )
    host, own_places = with_own_variables(host, variables, context.problems)
    return host, read.places | own_places


class _Reader:
    """Reads one host's variables, each error with the variable's place."""

    def __init__(self, host: str, variables: Mapping[str, Variable], problems: Problems, told: set[int]) -> None:
        self.host = host
        self.variables = variables
        self.problems = problems
        self.told = told
        self.places: Places = {}

    def first(self, word: str, read: Callable[[str], Read], *names: str) -> Read | None:
        """The first of these variables that is set and not null, read; it becomes this word of the host."""
        for name in names:
            variable = self.variables.get(name)
            if variable is not None and variable.value is not None:
                found = self._read(read, name, variable)
                if found is not None:
                    self.places.setdefault(word, variable.origin)
                return found
        return None

    def warn_of_passwords(self) -> None:
        """Say that a password is there and is not used."""
        for name, reason in _UNUSED.items():
            variable = self.variables.get(name)
            if variable and id(variable) not in self.told:
                self.told.add(id(variable))
                self.problems.warn(variable.origin, f"is not used: {reason}", path=f"{self.host}.{name}")

    def _read(self, read: Callable[[str], Read], name: str, variable: Variable) -> Read | None:
        try:
            if isinstance(variable.value, dict | list):
                is_vault = isinstance(variable.value, dict) and "__ansible_vault" in variable.value
                raise ValueError("is encrypted with vault" if is_vault else "must be a single value")
            text = str(variable.value)
            if _TEMPLATE.search(text):
                raise ValueError("is a Jinja template, which Ozwald does not evaluate; write the value")
            return read(text)
        except ValueError as err:
            if id(variable) not in self.told:
                self.told.add(id(variable))
                self.problems.error(variable.origin, str(err), path=f"{self.host}.{name}")
            return None


def _text(text: str) -> str | None:
    return text or None


def _port(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("must be a port between 1 and 65535")
    return int(text)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("must be true or false")
    return word in _TRUE


def _connection(text: str) -> Connection:
    if text not in _CONNECTIONS:
        raise ValueError("is a kind of connection that Ozwald does not have; known: ssh, local")
    return _CONNECTIONS[text]


def _sudo(text: str) -> None:
    if text not in ("sudo", "ansible.builtin.sudo"):
        raise ValueError("is not supported; Ozwald becomes root with 'sudo -n'")


def _root(text: str) -> None:
    if text != "root":
        raise ValueError("is not supported; Ozwald becomes root with 'sudo -n'")


def _jump(text: str) -> str | None:
    """The jump host of ssh's arguments; raises ValueError for any other argument."""
    jump = None
    waiting = iter(split_words(text))
    for word in waiting:
        if word.startswith("-J"):
            jump = word[2:] or next(waiting, "")
        elif word.startswith("-o"):
            jump = _option(word[2:] or next(waiting, ""))
        else:
            raise ValueError("only '-o ProxyJump=HOST' and '-J HOST' are supported here")
        if not jump:
            raise ValueError("names no jump host")
    return None if jump is None or jump.lower() == "none" else jump


def _option(text: str) -> str:
    key, _, value = text.strip().replace("=", " ", 1).partition(" ")
    if key.lower() != "proxyjump":
        named = f" {key!r}" if _OPTION_NAME.fullmatch(key) else ""
        raise ValueError(f"the ssh option{named} is not supported here; put it into ~/.ssh/config")
    return value.strip().strip('"')
