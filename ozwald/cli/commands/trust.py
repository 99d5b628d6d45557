"""`trust`: records hosts' keys once the user has seen their fingerprints."""

import click

from ozwald.cli.output import print_table, warn, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.model.host import Connection
from ozwald.planning.patterns import select
from ozwald.remote.known_hosts_file import record_host_key
from ozwald.remote.ssh import ShownKey


@click.command()
@click.argument("pattern")
@click.option("--yes", is_flag=True, help="Record without asking.")
@click.option("--replace", is_flag=True, help="Replace recorded keys that are not the ones shown now.")
@with_workspace
def trust(workspace: Workspace, pattern: str, yes: bool, replace: bool) -> int:
    """Show the host keys of PATTERN and record them in known_hosts.

    Compare a fingerprint with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the machine itself.
    """
    hosts = [host for host in select(workspace.settings.inventory, pattern) if host.connection is Connection.SSH]
    with workspace.fleet() as fleet:
        shown = fleet.show_keys(hosts)
    shown.raise_if_nothing_reached()
    keys = list(shown.values.values())
    headings = ("HOST", "NAME", "TYPE", "FINGERPRINT", "RECORDED")
    print_table(headings, [_row(key) for key in keys], empty="no host is reached over SSH")
    warn_unreachable({name: error.message for name, error in shown.failures.items()})
    changed = [key for key in keys if key.recorded and not key.is_known]
    for key in changed if not replace else ():
        warn(f"{key.host}: the key is not the recorded one; if you know why, use --replace")
    new = [key for key in keys if not key.is_known and (replace or not key.recorded)]
    if new and (yes or _agreed(len(new))):
        for key in new:
            record_host_key(key.file, key.name, key.key, replace=bool(key.recorded))
            click.echo(f"recorded {key.host} in {key.file}")
    return 1 if shown.failures or (changed and not replace) else 0


def _agreed(count: int) -> bool:
    try:
        return click.confirm(f"record {count} key{'s' if count > 1 else ''}?")
    except click.Abort as err:
        raise RequestError("nothing was recorded; answer the question, or use --yes") from err


def _row(key: ShownKey) -> tuple[str, ...]:
    recorded = ", ".join(line.key.fingerprint for line in key.recorded if not line.marker)
    return (key.host, key.name, key.key.type, key.key.fingerprint, "yes" if key.is_known else recorded or "no")
