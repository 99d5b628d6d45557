"""`validate` and `list_configured_services`: what the settings say, no host asked."""

import json
from collections.abc import Iterator

import click

from ozwald.cli.harmless import hide_secret
from ozwald.cli.output import emit, output_option, print_table, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.config.schema_files import published_schema
from ozwald.errors import Problem, RequestError, SettingsError
from ozwald.planning.definition_document import definition_document
from ozwald.planning.explain import explain as explain_values
from ozwald.planning.names import parse_definition
from ozwald.planning.patterns import select
from ozwald.planning.resolve import varieties_by_preference


@click.command()
@click.option(
    "--schema",
    type=click.Choice(["settings", "inventory", "requests", "footprints"]),
    is_flag=False,
    flag_value="settings",
    help="Print the JSON Schema of a file instead, for editors.",
)
@output_option
@with_workspace
def validate(workspace: Workspace, schema: str | None, output: str) -> int:
    """Check the settings and the inventory; every problem has its place and what to do.

    Exits with 2 when something is wrong. Warnings alone are fine.
    """
    if schema is not None:
        click.echo(json.dumps(published_schema(f"{schema}.schema.json"), indent=2))
        return 0
    warnings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    try:
        warnings = workspace.settings.warnings
        problems = tuple(_patterns_without_hosts(workspace))
    except SettingsError as error:
        problems = error.problems
    document = {
        "valid": not problems,
        "problems": [_problem(problem) for problem in problems],
        "warnings": [_problem(warning) for warning in warnings],
    }
    emit(document, output, table=lambda: _print_verdict(workspace, problems, warnings))
    return 2 if problems else 0


@click.command()
@output_option
@with_workspace
def list_configured_services(workspace: Workspace, output: str) -> None:
    """List every service definition with its varieties and profiles."""
    definitions = [
        definition for realm in workspace.settings.realms.values() for definition in realm.definitions.values()
    ]
    rows = [
        (
            definition.realm,
            definition.name,
            definition.type,
            ", ".join(definition.varieties) or "-",
            ", ".join(definition.profiles) or "-",
            definition.description,
        )
        for definition in definitions
    ]
    headings = ("REALM", "SERVICE", "TYPE", "VARIETIES", "PROFILES", "DESCRIPTION")
    document = [definition_document(definition) for definition in definitions]
    emit(document, output, table=lambda: print_table(headings, rows, empty="no services are configured"))


@click.command()
@click.argument("definition")
@output_option
@with_workspace
def explain(workspace: Workspace, definition: str, output: str) -> None:
    """Show every value of DEFINITION with the layer and the line that set it.

    DEFINITION is [REALM:]service[profile][variety]; without a variety the best hardware's is shown. Values of
    variables whose names speak of keys, tokens, passwords or secrets are hidden.
    """
    service, variety, profile = parse_definition(definition, workspace.settings.realms)
    if variety is None and service.varieties:
        best = varieties_by_preference(service)[0]
        variety = best.name if best else None
    values = explain_values(service, variety=variety, profile=profile)
    rows = [
        (value.path, hide_secret(value.path, value.value), value.layer, str(value.origin or "-")) for value in values
    ]
    document = {
        "service": service.name,
        "realm": service.realm,
        "variety": variety,
        "profile": profile,
        "values": [
            {"path": path, "value": text, "layer": layer, "origin": origin} for path, text, layer, origin in rows
        ],
    }
    headings = ("KEY", "VALUE", "LAYER", "WRITTEN AT")
    emit(document, output, table=lambda: print_table(headings, rows, empty=f"{service.name} sets nothing"))


def _patterns_without_hosts(workspace: Workspace) -> Iterator[Problem]:
    inventory = workspace.settings.inventory
    for provisioner in inventory.provisioners.values():
        place, path = workspace.loaded.patterns[provisioner.name], f"provisioners.{provisioner.name}.hosts"
        try:
            select(inventory, provisioner.hosts)
        except RequestError as err:
            yield Problem(file=place.file, line=place.line, column=place.column, path=path, message=str(err))


def _print_verdict(workspace: Workspace, problems: tuple[Problem, ...], warnings: tuple[Problem, ...]) -> None:
    for warning in warnings:
        warn(f"warning: {warning}")
    for problem in problems:
        warn(str(problem))
    if problems:
        warn(f"{_count(len(problems), 'problem')} found")
        return
    settings = workspace.settings
    services = sum(len(realm.definitions) for realm in settings.realms.values())
    found = f"{_count(services, 'service')}, {_count(len(settings.inventory.hosts), 'host')}"
    click.echo(f"{settings.path} is valid: {found}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _problem(problem: Problem) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }
