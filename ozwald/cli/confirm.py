"""Asks before something is done that is not easily undone."""

import sys

import click

from ozwald.cli.output import warn
from ozwald.errors import RequestError


def agreed(question: str, *, nothing: str, first: str) -> bool:
    """Whether the user says yes at the terminal; that `nothing` was done is told otherwise, and what to do `first`.

    Raises:
        RequestError: there is no terminal, or no answer.
    """
    if not sys.stdin.isatty():
        raise RequestError(f"{nothing}: {first}, then run this again with --yes")
    try:
        said_yes = click.confirm(question, err=True)
    except click.Abort as err:
        raise RequestError(f"{nothing}; answer the question, or use --yes") from err
    if not said_yes:
        warn(nothing)
    return said_yes
