"""A fleet of real hosts on one Linux machine, as root: own network, own sshd, own Docker Engine each."""

from tests.lab.errors import LabError
from tests.lab.fleet import Lab, take_down
from tests.lab.host import Host
from tests.lab.options import HostOptions
from tests.lab.proxy import Proxy

__all__ = ["Host", "HostOptions", "Lab", "LabError", "Proxy", "take_down"]
