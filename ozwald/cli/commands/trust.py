"""`trust`: records hosts' keys once the user has seen their fingerprints."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ozwald.cli.confirm import agreed
from ozwald.cli.output import print_table, warn, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import HostError, NothingReachable, StateError
from ozwald.model.host import Connection, Host
from ozwald.planning.patterns import select
from ozwald.remote.known_hosts_file import drop_host_keys, record_host_key
from ozwald.remote.ssh import ShownKey

if TYPE_CHECKING:
    from ozwald.remote.fleet import Fleet

HEADINGS = ("HOST", "NAME", "TYPE", "FINGERPRINT", "RECORDED")


@click.command()
@click.argument("pattern")
@click.option("--yes", is_flag=True, help="Record without asking.")
@click.option("--replace", is_flag=True, help="Replace recorded keys that are not the ones shown now.")
@with_workspace
def trust(workspace: Workspace, pattern: str, yes: bool, replace: bool) -> int:
    """Show the host keys of PATTERN, jump hosts first, and record them in known_hosts.

    Compare a fingerprint with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the machine itself.
    """
    hosts = [host for host in select(workspace.settings.inventory, pattern) if host.connection is Connection.SSH]
    shown: list[ShownKey] = []
    failures: dict[str, HostError] = {}
    left = 0
    with workspace.fleet() as fleet:
        for batch in _jump_hosts_first(fleet, hosts, failures):
            seen = fleet.show_keys(batch)
            failures |= seen.failures
            keys = _worth_showing(seen.values.values(), hosts)
            shown += keys
            left += _settle(keys, yes=yes, replace=replace)
    if not shown:
        _report_nothing(failures)
    warn_unreachable({name: error.message for name, error in failures.items()})
    return 1 if failures or left else 0


def _jump_hosts_first(fleet: "Fleet", hosts: Sequence[Host], failures: dict[str, HostError]) -> Iterable[list[Host]]:
    """Batches of hosts with the jump hosts on the way to them, so that each is reached over trusted ones."""
    depths: dict[str, tuple[int, Host]] = {}
    for host in hosts:
        try:
            way = (*fleet.jump_hosts(host), host)
        except HostError as err:
            failures[host.name] = err
            continue
        for depth, hop in enumerate(way):
            depths.setdefault(hop.name, (depth, hop))
    in_order = sorted(depths.values(), key=lambda entry: entry[0])
    return [[host for _, host in batch] for _, batch in groupby(in_order, key=lambda entry: entry[0])]


def _worth_showing(keys: Iterable[ShownKey], asked: Sequence[Host]) -> list[ShownKey]:
    """Jump hosts that nobody asked for are of interest only where their key is not known."""
    names = {host.name for host in asked}
    return [key for key in keys if key.host in names or not key.is_known]


def _settle(keys: Sequence[ShownKey], *, yes: bool, replace: bool) -> int:
    """Shows keys and records those that are new, when the user agrees; how many hosts stay unknown."""
    if not keys:
        return 0
    print_table(HEADINGS, [_row(key) for key in keys], empty="")
    for key in keys:
        if key.is_revoked:
            warn(f"{key.host} shows {key.key.fingerprint}, which is marked as revoked: give it a new key")
        elif key.others:
            warn(_change(key, replace=replace))
    unknown = [key for key in keys if key.is_revoked or not key.is_known]
    new = [key for key in unknown if not key.is_revoked and (replace or not key.others)]
    question = f"record {len(new)} key{'s' if len(new) > 1 else ''}?"
    if not (new and (yes or agreed(question, nothing="nothing was recorded", first="compare the fingerprints"))):
        return len(unknown)
    for key in new:
        _record(key)
    return len(unknown) - len(new)


def _record(key: ShownKey) -> None:
    record_host_key(key.file, key.name, key.key, replace=bool(key.others), hashed=key.hashed)
    click.echo(f"recorded {key.host} in {key.file}")
    for file in sorted({line.file for line in key.others} - {key.file}):
        try:
            drop_host_keys(file, key.name)
        except StateError as err:
            warn(f"{key.host}: {err}: its old key stays good until somebody removes it there")


def _change(key: ShownKey, *, replace: bool) -> str:
    recorded = "; ".join(f"{line.key.fingerprint} ({line.key.type}, {line.place})" for line in key.others)
    advice = "" if replace else ": if you know why, for instance a reinstalled machine, use --replace"
    return f"{key.host} shows {key.key.fingerprint} ({key.key.type}), but recorded is {recorded}{advice}"


def _report_nothing(failures: Mapping[str, HostError]) -> None:
    """Raises NothingReachable when hosts were asked and none answered."""
    if failures:
        raise NothingReachable(failures)
    click.echo("no host is reached over SSH")


def _row(key: ShownKey) -> tuple[str, ...]:
    recorded = "revoked" if key.is_revoked else "another key" if key.others else "yes" if key.is_known else "no"
    return (key.host, key.name, key.key.type, key.key.fingerprint, recorded)
