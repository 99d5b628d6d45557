"""Small functions that make the values tests are about, with defaults for everything else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ozwald.model import container as labels
from ozwald.model.container import ObservedContainer, ObservedPort, container_name
from ozwald.model.host import Host, Inventory, Provisioner
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Layer, Network, Profile, Realm, ServiceDefinition, Variety
from ozwald.model.request import InstanceRequest
from ozwald.model.resources import Gpu, Hardware, HostResources, Listener
from ozwald.model.service import Dependency, Port, ServiceSpec
from ozwald.model.wanted import Leaving, WantedInstance, WantedSet
from ozwald.planning.situation import Situation

GIB = 1024**3
CONTROLLER = "c0ffee"
OTHER_CONTROLLER = "decaf"
KEY = b"fingerprint key of the tests"

Values = Mapping[str, Any]


def definition(
    name: str = "llm",
    *,
    base: Values | None = None,
    varieties: Mapping[str, Values] | None = None,
    hardware: Mapping[str, Hardware] | None = None,
    profiles: Mapping[str, Values] | None = None,
    realm: str = "default",
    type: str = "container",  # noqa: A002
) -> ServiceDefinition:
    """A definition with an image; a variety called like hardware needs that hardware, others the processor."""
    known = {kind.value: kind for kind in Hardware} | dict(hardware or {})
    return ServiceDefinition(
        realm=realm,
        name=name,
        type=type,
        base=Layer(values={"image": f"{name}:1"} if base is None else base),
        varieties={
            variety: Variety(name=variety, hardware=known.get(variety, Hardware.CPU_ONLY), layer=Layer(values=values))
            for variety, values in (varieties or {}).items()
        },
        profiles={
            profile: Profile(name=profile, layer=Layer(values=values)) for profile, values in (profiles or {}).items()
        },
    )


def realms(*definitions: ServiceDefinition, networks: Iterable[Network] = ()) -> dict[str, Realm]:
    """The realms of these definitions, each realm with the same networks."""
    names = dict.fromkeys(entry.realm for entry in definitions)
    return {
        realm: Realm(
            name=realm,
            definitions={entry.name: entry for entry in definitions if entry.realm == realm},
            networks={network.key: network for network in networks},
        )
        for realm in names
    }


def host(name: str = "box1", **fields: Any) -> Host:
    """A host whose address is its name in the domain `lan`."""
    return Host(**{"name": name, "address": f"{name}.lan"} | fields)


def inventory(
    *hosts: Host | str,
    groups: Mapping[str, Sequence[str]] | None = None,
    provisioners: Iterable[Provisioner] = (),
) -> Inventory:
    """An inventory in the order given; a host may be its name only."""
    known = [host(entry) if isinstance(entry, str) else entry for entry in hosts]
    return Inventory(
        hosts={entry.name: entry for entry in known},
        groups={group: tuple(members) for group, members in (groups or {}).items()},
        provisioners={entry.name: entry for entry in provisioners},
    )


def gpu(
    index: int = 0,
    *,
    hardware: Hardware = Hardware.NVIDIA,
    total_gib: float | None = 24,
    used_gib: float | None = 0,
    on: str = "",
) -> Gpu:
    """A card whose id tells its host and index."""
    return Gpu(
        hardware=hardware,
        index=index,
        id=f"GPU-{on}{hardware.value}-{index}",
        name="RTX 4090" if hardware is Hardware.NVIDIA else "MI300X",
        vram_total_bytes=None if total_gib is None else int(total_gib * GIB),
        vram_used_bytes=None if used_gib is None else int(used_gib * GIB),
    )


def observation(
    *containers: ObservedContainer,
    name: str = "box1",
    memory_gib: float | None = 64,
    gpus: Iterable[Gpu] = (),
    listeners: Iterable[Listener] | None = None,
) -> Observation:
    """One look at one host."""
    return Observation(
        resources=HostResources(
            host=name,
            observed_at=0.0,
            memory_available_bytes=None if memory_gib is None else int(memory_gib * GIB),
            gpus=tuple(gpus),
            listeners=None if listeners is None else tuple(listeners),
        ),
        containers=containers,
    )


def container(
    name: str = "someone-elses",
    *,
    id: str = "",  # noqa: A002
    state: str = "running",
    status: str = "",
    labels: Mapping[str, str] | None = None,
    ports: Iterable[ObservedPort] = (),
    image: str = "web:1",
) -> ObservedContainer:
    """A container of nobody we know."""
    return ObservedContainer(
        id=id or f"id-of-{name}",
        name=name,
        image=image,
        image_id=f"sha256:{image}",
        state=state,
        status=status or {"running": "Up 3 minutes", "exited": "Exited (1) 2 minutes ago"}.get(state, state),
        created_at=0.0,
        labels=labels or {},
        ports=tuple(ports),
    )


def our_container(
    instance: str = "llm",
    *,
    realm: str = "default",
    service: str = "",
    variety: str = "",
    profile: str = "",
    fingerprint: str = "",
    limits: str = "restart=unless-stopped",
    controller: str = CONTROLLER,
    generation: str = "1",
    gpus: str = "",
    name: str = "",
    **fields: Any,
) -> ObservedContainer:
    """A container with the labels that make it an instance's."""
    return container(
        name or container_name(realm, instance),
        labels={
            labels.LABEL_REALM: realm,
            labels.LABEL_INSTANCE: instance,
            labels.LABEL_SERVICE: service or instance,
            labels.LABEL_VARIETY: variety,
            labels.LABEL_PROFILE: profile,
            labels.LABEL_CONTROLLER: controller,
            labels.LABEL_GENERATION: generation,
            labels.LABEL_SPEC: fingerprint,
            labels.LABEL_LIMITS: limits,
            labels.LABEL_GPUS: gpus,
        },
        **fields,
    )


def situation(
    observations: Mapping[str, Observation] | None = None,
    *,
    unreachable: Mapping[str, str] | None = None,
    hosts: Iterable[Host] = (),
    limit: Iterable[str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Situation:
    """The fleet as observed. `hosts` are those that differ from the default, `limit` what the plan may touch."""
    seen = {
        name: replace(found, resources=replace(found.resources, boot_id=f"boot of {name}"))
        for name, found in ({"box1": observation()} if observations is None else observations).items()
    }
    special = {entry.name: entry for entry in hosts}
    names = dict.fromkeys([*special, *seen, *(unreachable or {})])
    everything = inventory(*(special.get(name, host(name)) for name in names), groups=groups)
    touched = names if limit is None else dict.fromkeys(limit)
    return Situation(
        inventory=everything,
        hosts={name: everything.hosts[name] for name in touched},
        observations={name: found for name, found in seen.items() if name in touched},
        unreachable={name: reason for name, reason in (unreachable or {}).items() if name in touched},
        controller=CONTROLLER,
    )


def key(name: str = "llm", realm: str = "default") -> InstanceKey:
    return InstanceKey(realm=realm, name=name)


def request(name: str = "llm", **fields: Any) -> InstanceRequest:
    """A request for an instance of the service of that name."""
    return InstanceRequest(**{"realm": "default", "name": name, "service": name} | fields)


def wanted(
    *instances: WantedInstance | InstanceRequest | str, generation: int = 1, leaving: Mapping[str, str] | None = None
) -> WantedSet:
    """A wanted set; an instance may be a request or only its name, `leaving` are hosts by the names of instances."""
    return WantedSet(
        generation=generation,
        instances=tuple(_wanted(instance) for instance in instances),
        leaving=tuple(Leaving(key=key(name), host=on) for name, on in (leaving or {}).items()),
    )


def placed(on: str | None, name: str = "llm", **fields: Any) -> WantedInstance:
    """A wanted instance that an earlier plan placed."""
    return WantedInstance(request=request(name, **fields), placed_on=on)


def depends_on(*names: str, required: bool = True, restart: bool = False) -> tuple[Dependency, ...]:
    return tuple(Dependency(instance=name, required=required, restart=restart) for name in names)


def port(target: int = 8000, published: int | None = None, **fields: Any) -> Port:
    return Port(target=target, published=published, **fields)


def spec(**fields: Any) -> ServiceSpec:
    """A specification with only what it must have."""
    least = {
        "realm": "default",
        "instance": "llm",
        "service": "llm",
        "variety": None,
        "profile": None,
        "hardware": Hardware.CPU_ONLY,
        "image": "llm:1",
    }
    return ServiceSpec(**least | fields)


def _wanted(instance: WantedInstance | InstanceRequest | str) -> WantedInstance:
    if isinstance(instance, WantedInstance):
        return instance
    return WantedInstance(request=request(instance) if isinstance(instance, str) else instance)
