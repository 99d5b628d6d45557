"""Asks before something is done that is not easily undone."""

import sys

import click

from ozwald.errors import RequestError


def agreed(question: str, *, nothing: str, first: str) -> bool:
    """Whether the user says yes at the terminal; `nothing` and what to do `first` are told where nobody can be asked.

    Raises:
        RequestError: there is no terminal, or no answer.
    """
    if not sys.stdin.isatty():
        raise RequestError(f"{nothing}: {first}, then run this again with --yes")
    try:
        return click.confirm(question, err=True)
    except click.Abort as err:
        raise RequestError(f"{nothing}; answer the question, or use --yes") from err
