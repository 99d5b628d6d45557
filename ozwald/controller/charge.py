"""What one controller is in charge of."""

from collections.abc import Mapping
from dataclasses import dataclass

from ozwald.model.host import Host
from ozwald.model.settings import Settings
from ozwald.state.home import DataFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A provisioner's settings and the hosts that it manages; `owner` is the user whose process it is."""

    settings: Settings
    hosts: Mapping[str, Host]
    home: DataFolder
    provisioner: str
    owner: str
