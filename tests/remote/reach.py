"""The lab's hosts as the remote room knows them."""

from typing import Any

from ozwald.model.host import Host
from ozwald.remote.ssh_config import SshOptions
from tests.lab import Lab


def host_of(lab: Lab, name: str, **fields: Any) -> Host:
    """A lab host as an inventory would describe it, with other fields where a test wants them."""
    box = lab.hosts[name]
    described: dict[str, Any] = {
        "address": box.address,
        "port": box.port,
        "user": box.user,
        "identity_file": str(lab.identity_file),
    }
    return Host(name=name, **(described | {"jump": box.jump} | fields))


def inventory_of(lab: Lab) -> dict[str, Host]:
    return {name: host_of(lab, name) for name in lab.hosts}


def options_of(lab: Lab, **fields: Any) -> SshOptions:
    """Options under which no file and no agent of the calling user counts."""
    chosen: dict[str, Any] = {"config_file": "/dev/null", "known_hosts": (str(lab.known_hosts),), "use_agent": False}
    return SshOptions(**(chosen | fields))
