"""What to do instead of the keys that Docker Compose has and Ozwald has not."""

from collections.abc import Mapping

_LIMITS = "only 'mem_limit' and 'cpus' limit a service"
_NAMES = "others reach it by its instance's name, and by 'aliases' under 'networks'"
_ENGINE = "set it for the whole engine, in the host's /etc/docker/daemon.json"
_OUTSIDE = "make the network on the hosts yourself, and name it with 'external: true'"
_ADDRESS = "the engine gives addresses; use names, or 'ports' with an IP"

SERVICE: Mapping[str, str] = {
    "annotations": "use 'labels'",
    "attach": "leave it out; `ozwald get_service_logs` shows the output",
    "blkio_config": _LIMITS,
    "build": "build the image, push it to a registry that the hosts reach, and name it with 'image'",
    "cgroup": _ENGINE,
    "cgroup_parent": _ENGINE,
    "configs": "mount the file with 'volumes', or give it as a variable with 'environment'",
    "container_name": f"the container is named after its realm and instance; {_NAMES}",
    "cpu_count": "write 'cpus'",
    "cpu_percent": "write 'cpus'",
    "cpu_period": "write 'cpus', which is quota over period",
    "cpu_quota": "write 'cpus', which is quota over period",
    "cpu_rt_period": _LIMITS,
    "cpu_rt_runtime": _LIMITS,
    "cpu_shares": _LIMITS,
    "cpuset": _LIMITS,
    "credential_spec": "it is for Windows",
    "deploy": "write 'requires: {gpus: N}' and varieties for devices, 'mem_limit' and 'cpus' for limits, 'requires: "
    "{memory: …}' for reservations, 'restart' for restart_policy; 'replicas' stands by itself",
    "develop": "leave it out; services run what their image has",
    "device_cgroup_rules": "name the devices with 'devices'",
    "dns": _ENGINE,
    "dns_opt": _ENGINE,
    "dns_search": _ENGINE,
    "domainname": _NAMES,
    "expose": "leave it out; services of one network reach every port of each other",
    "extends": "use a YAML anchor and '<<: *name', or varieties and profiles",
    "external_links": "join the network of the other container, as one with 'external: true'",
    "gpus": "write 'requires: {gpus: N}', or 'all', and a variety with 'hardware: nvidia' or 'hardware: amdgpu'",
    "hostname": _NAMES,
    "isolation": "it is for Windows",
    "label_file": "write them with 'labels'",
    "links": "leave it out; services of one network reach each other by name; 'depends_on' sets the order",
    "logging": _ENGINE,
    "mac_address": "leave it out",
    "mem_reservation": "write 'requires: {memory: …}', which keeps a host from being chosen without it",
    "mem_swappiness": _LIMITS,
    "memswap_limit": _LIMITS,
    "models": "make the model's server a service of its own, and name it with 'depends_on'",
    "network_mode": "services join the networks of their realm and publish 'ports'; write 'networks', with one that "
    "exists on the host as 'external: true'",
    "oom_kill_disable": _LIMITS,
    "oom_score_adj": _LIMITS,
    "pids_limit": "write 'ulimits: {nproc: N}'",
    "platform": "name an image for the host's own platform, where needed by its digest",
    "post_start": "put it into the image's entry point, or 'entrypoint' and 'command'",
    "pre_stop": "let the program end on the stop signal, within 'stop_grace_period'",
    "privileged": "name what it needs, with 'devices', 'cap_add' and 'security_opt'",
    "provider": "leave it out; only containers are services",
    "pull_refresh_after": "write 'pull_policy: always' or 'missing'",
    "scale": "write 'replicas'",
    "secrets": "give it as a variable with 'environment' or 'env_file', which Ozwald never shows",
    "stdin_open": "leave it out; a service has no terminal",
    "stop_signal": "set it in the image",
    "storage_opt": _ENGINE,
    "sysctls": "it cannot be set for one service; set on the host what all of its services may have",
    "tty": "leave it out; a service has no terminal",
    "use_api_socket": "mount the socket with 'volumes'",
    "userns_mode": _ENGINE,
    "uts": "leave it out",
    "volumes_from": "name the same 'volumes' in both services",
}
FILE: Mapping[str, str] = {
    "configs": SERVICE["configs"],
    "include": "put everything into this file; hosts may stand in files of their own, under 'inventory'",
    "models": SERVICE["models"],
    "name": "leave it out; realms part what belongs together",
    "networks": "put them into a realm: 'realms: {default: {networks: …}}'",
    "secrets": SERVICE["secrets"],
    "services": "put them into a realm: 'realms: {default: {service-definitions: …}}'",
    "version": "leave it out",
    "volumes": "leave it out; volumes need no declaration, and the engine makes those that are missing",
}
REALM: Mapping[str, str] = {
    "services": "they are called 'service-definitions' here",
    "volumes": FILE["volumes"],
}
NETWORK: Mapping[str, str] = {
    "attachable": _OUTSIDE,
    "driver_opts": _OUTSIDE,
    "enable_ipv4": _OUTSIDE,
    "enable_ipv6": _OUTSIDE,
    "ipam": _OUTSIDE,
    "labels": _OUTSIDE,
}
ATTACHMENT: Mapping[str, str] = {
    "driver_opts": "leave it out",
    "gw_priority": "leave it out",
    "interface_name": "leave it out",
    "ipv4_address": _ADDRESS,
    "ipv6_address": _ADDRESS,
    "link_local_ips": _ADDRESS,
    "mac_address": "leave it out",
    "priority": "name the networks in the order they are to be joined",
}
BIND: Mapping[str, str] = {"recursive": "leave it out; mounts below the path are there too"}
VOLUME: Mapping[str, str] = {
    "labels": "make the volume on the host yourself",
    "subpath": "mount the whole volume, or a path of the host",
}

# By the name that a part of the schema has under `hints`.
TABLES: Mapping[str, Mapping[str, str]] = {
    "service": SERVICE,
    "file": FILE,
    "realm": REALM,
    "network": NETWORK,
    "attachment": ATTACHMENT,
    "bind": BIND,
    "volume": VOLUME,
}


def hint(table: str, key: str) -> str | None:
    """What to do instead of a key, in a sentence; None for a key that Compose has not either."""
    instead = TABLES.get(table, {}).get(key)
    return None if instead is None else f"{key!r} is a key of Compose that Ozwald does not have: {instead}"
