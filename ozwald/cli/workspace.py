"""What every command starts from: settings, provisioner, data folder, and the fleet's connections."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ozwald.errors import RequestError
from ozwald.model.host import Host, Provisioner
from ozwald.model.settings import Settings
from ozwald.state.home import DataFolder

if TYPE_CHECKING:
    from ozwald.config.load import Loaded
    from ozwald.remote.fleet import Fleet


@dataclass(frozen=True)
class Workspace:
    """The options that all commands share, and what follows from them."""

    config: Path | None
    inventory: Path | None
    provisioner_name: str | None

    @cached_property
    def environ(self) -> Mapping[str, str]:
        from ozwald.config.load import environment

        return environment(self.folder, os.environ)

    @cached_property
    def folder(self) -> Path:
        """The working directory."""
        try:
            return Path.cwd()
        except OSError as err:
            raise RequestError("the working directory is gone; change to one that exists") from err

    @cached_property
    def loaded(self) -> "Loaded":
        """The settings, with the places that the hosts' variables come from; raises SettingsError."""
        from ozwald.config.load import load
        from ozwald.planning.persistent import persistent_requests

        loaded = load(self.config, inventory=self.inventory, environ=self.environ, cwd=self.folder)
        persistent_requests(loaded.settings.realms, loaded.settings.inventory)
        return loaded

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @cached_property
    def provisioner(self) -> Provisioner:
        from ozwald.planning.provisioners import choose_provisioner

        name = self.provisioner_name or self.environ.get("OZWALD_PROVISIONER")
        return choose_provisioner(self.settings.inventory, name)

    @cached_property
    def home(self) -> DataFolder:
        return DataFolder.from_environment(self.environ)

    @cached_property
    def footprint_book(self) -> Path:
        """The file that `OZWALD_FOOTPRINT_DATA` names; a RequestError where it is not set."""
        from ozwald.state.footprint_book import book_path

        return book_path(self.environ, self.folder)

    def hosts(self, limit: str | None = None) -> Mapping[str, Host]:
        """The hosts that the provisioner manages, narrowed to a pattern."""
        from ozwald.planning.provisioners import managed_hosts

        return managed_hosts(self.settings.inventory, self.provisioner, limit)

    def fleet(self, *, begin: Mapping[str, Host] | None = None, at_once: int | None = None) -> "Fleet":
        """Connections to the inventory's hosts; close it. To those of `begin` it connects while the rest loads."""
        from ozwald.cli.passphrase import ask_passphrase
        from ozwald.remote.fleet import AT_ONCE, Fleet
        from ozwald.remote.ssh_config import SshOptions

        options = SshOptions(config_file=self.environ.get("OZWALD_SSH_CONFIG"), ask_passphrase=ask_passphrase)
        fleet = Fleet(self.settings.inventory.hosts, options=options, at_once=at_once or AT_ONCE)
        if begin:
            fleet.begin(begin.values())
        return fleet


def with_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the shared options to a command, which gets a Workspace as its first argument."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Settings file [default: OZWALD_CONFIG, settings.yml, ozwald.yml]",
    )
    @click.option(
        "--inventory",
        type=click.Path(path_type=Path),
        help="Inventory file or folder [default: OZWALD_INVENTORY, the settings' inventory:, inventory/]",
    )
    @click.option("--provisioner", help="Provisioner [default: OZWALD_PROVISIONER, or the only one]")
    @wraps(command)
    def wrapped(config: Path | None, inventory: Path | None, provisioner: str | None, **options: Any) -> Any:
        return command(Workspace(config, inventory, provisioner), **options)

    return wrapped
