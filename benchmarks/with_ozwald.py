"""Ozwald does one command on many hosts, twice; prints the seconds of the second time."""

import sys
import time
from pathlib import Path

from ozwald.model.host import Host
from ozwald.remote.fleet import Fleet
from ozwald.remote.ssh_config import SshOptions

user, key, port, known_hosts, *addresses = sys.argv[1:]
hosts = {
    address: Host(name=address, address=address, user=user, port=int(port), identity_file=key) for address in addresses
}
with Fleet(hosts, options=SshOptions(config_file=str(Path(known_hosts).with_name("ssh_config"))), at_once=100) as fleet:
    for _ in range(2):
        began = time.perf_counter()
        fleet.map(hosts.values(), lambda connection: connection.run(["true"], timeout_s=60)).raise_if_nothing_reached()
    print(time.perf_counter() - began)
