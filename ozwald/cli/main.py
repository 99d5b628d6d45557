"""The `ozwald` command: a table of commands, each loaded when it is called, and the one place errors end up."""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

import click

from ozwald import __version__
from ozwald.errors import OzwaldError

# By subject, name: (module under ozwald.cli.commands, function, one line of help)
SUBJECTS = {
    "Settings": {
        "init": ("init", "init", "Write first settings, an inventory and a key."),
        "validate": ("settings", "validate", "Check the settings and the inventory."),
        "inventory": ("inventory", "inventory", "Show the hosts, their groups, and where each value comes from."),
        "explain": ("settings", "explain", "Show where every value of a service comes from."),
        "list_configured_services": ("settings", "list_configured_services", "List the configured services."),
    },
    "Hosts": {
        "trust": ("trust", "trust", "Show the hosts' keys and record them as known."),
        "show_host_resources": ("resources", "show_host_resources", "Show CPU, memory, GPUs and VRAM of the hosts."),
        "top": ("top", "top", "Show live what hosts, cards and services take."),
        "run": ("run", "run", "Run a command on hosts."),
        "residue": ("belongings", "residue", "List everything of Ozwald on hosts."),
        "prune": ("belongings", "prune", "Remove what nobody uses any more from the hosts."),
    },
    "Services": {
        "plan": ("apply", "plan", "Show what apply would do, changing nothing."),
        "apply": ("apply", "apply", "Make exactly these instances run."),
        "restart": ("restart", "restart", "Restart instances, as they are."),
        "history": ("history", "history", "Show how the wanted set came about."),
        "adopt": ("adopt", "adopt", "Take over what another controller left."),
        "list_active_services": ("services", "list_active_services", "List what is running."),
        "exec": ("exec", "execute", "Run a command in a running instance."),
        "get_service_logs": ("logs", "get_service_logs", "Show or follow what services write."),
        "get_service_launch_logs": ("launch_logs", "get_service_launch_logs", "Show how services were started."),
    },
    "Provisioner": {
        "start_provisioner": ("provisioner", "start_provisioner", "Start the controller and its API."),
        "stop_provisioner": ("provisioner", "stop_provisioner", "Stop the controller; services go on running."),
        "status": ("status", "status", "Show whether the provisioner is well."),
        "reload": ("provisioner", "reload", "Have the controller read its settings again."),
        "update_services": ("update", "update_services", "Ask the provisioner for a set of services."),
        "events": ("events", "events", "Show or follow what happened: who changed what, where and why."),
    },
    "Footprints": {
        "footprint_services": ("footprint_services", "footprint_services", "Measure what services really take."),
        "footprints": ("footprints", "footprints", "Show and draw what services were measured to take."),
        "get_footprint_logs": ("footprint_logs", "get_footprint_logs", "Show how services were measured."),
    },
}
COMMANDS = {name: entry for commands in SUBJECTS.values() for name, entry in commands.items()}


class LazyCommands(click.Group):
    """Knows its commands' names and help without loading them; dashes work wherever underscores do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = cmd_name.replace("-", "_")
        if name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(f"ozwald.cli.commands.{module}"), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for subject, commands in SUBJECTS.items():
            with formatter.section(subject):
                formatter.write_dl([(name.ljust(width), text) for name, (_, _, text) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0].replace("-", "_") not in COMMANDS and not args[0].startswith("-"):
            from ozwald.planning.nearest import unknown

            raise click.UsageError(unknown("command", args[0], COMMANDS), ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ozwald")
@click.option("-v", "--verbose", count=True, help="Tell what happens on the hosts; twice for the conversation.")
def cli(verbose: int) -> None:
    """Run AI services on remote machines that have nothing but sshd and Docker."""
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL if verbose < 2 else logging.DEBUG)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and exits with its code."""
    _make_streams_safe()
    try:
        outcome = cli.main(arguments, prog_name="ozwald", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except OzwaldError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader has gone; without this the interpreter complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _fail(f"the system refused: {error}", 1)


def _make_streams_safe() -> None:
    """A stream that was closed swallows what is written; a character that one cannot show becomes an escape."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lives as long as the process
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, code: int) -> NoReturn:
    from ozwald.cli.harmless import harmless

    click.echo(f"ozwald: {harmless(message)}", err=True)
    sys.exit(code)
