"""Shows what of Ozwald is on hosts, what of it may go, and what became of that."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import print_table
from ozwald.model.belonging_document import belonging_document, removal_document
from ozwald.model.belongings import Belonging, Removal
from ozwald.model.units import show_age, show_bytes

Found = Mapping[str, Sequence[Belonging]]
Swept = Mapping[str, Sequence[Removal]]


def with_any(found: Found) -> list[str]:
    """The hosts on which there is something."""
    return [host for host, ones in found.items() if ones]


def print_plan(found: Found) -> None:
    """What may go, and how much that is."""
    rows = [row(host, one, one.owner) for host, ones in sorted(found.items()) for one in ones]
    print_table(
        ("HOST", "KIND", "NAME", "WHAT", "AGE", "SIZE"),
        [(*row[:4], *row[5:]) for row in rows],
        empty="nothing to remove",
    )
    if rows:
        click.echo(_sum(found))


def print_swept(swept: Swept) -> None:
    """What became of it."""
    if not swept:
        return
    results = [(host, one) for host, ones in sorted(swept.items()) for one in ones]
    failed = [(host, one) for host, one in results if one.error]
    for host, one in failed:
        click.echo(harmless_line(f"failed: {one.belonging.kind} {one.belonging.name} on {host}: {one.error}"))
    told = f", {len(failed)} failed" if failed else ""
    click.echo(f"done: {len(results) - len(failed)} removed{told}")


def found_documents(found: Found) -> list[dict[str, Any]]:
    """What is there, for `--output json`."""
    return [belonging_document(host, one) for host, ones in sorted(found.items()) for one in ones]


def swept_documents(swept: Swept) -> list[dict[str, Any]]:
    """What became of it, for `--output json`."""
    return [removal_document(host, one) for host, ones in sorted(swept.items()) for one in ones]


def row(host: str, one: Belonging, owner: str | None) -> tuple[str, ...]:
    """The cells of one thing."""
    age = "" if one.created_at is None else show_age(max(0.0, time.time() - one.created_at))
    size = "" if one.size_bytes is None else show_bytes(one.size_bytes)
    return (host, one.kind.value, one.name, one.what, owner or "unknown", age, size)


def _sum(found: Found) -> str:
    everything = [one for ones in found.values() for one in ones]
    size = sum(one.size_bytes or 0 for one in everything)
    hosts = sum(map(bool, found.values()))
    return f"{len(everything)} to remove on {hosts} host{'s' if hosts > 1 else ''}, {show_bytes(size)}"
