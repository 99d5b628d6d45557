#!/usr/bin/env python3
"""A dynamic inventory, as Ansible has them: asked with --list, it prints hosts and groups as JSON.

This one makes them up; yours would ask your cloud, your DHCP server or your asset list.
"""

import json

CARDS = {"rtx1": "nvidia", "rtx2": "nvidia", "radeon1": "amd"}

groups: dict[str, dict[str, list[str]]] = {}
for name, vendor in CARDS.items():
    groups.setdefault(vendor, {"hosts": []})["hosts"].append(name)
variables = {name: {"ansible_host": f"10.30.0.{number}"} for number, name in enumerate(CARDS, start=11)}
print(json.dumps({**groups, "_meta": {"hostvars": variables}}))
