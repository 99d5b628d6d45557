"""Reads `realms`: networks, service definitions and persistent services."""

from ozwald.config.context import Context
from ozwald.config.layers import read_layer
from ozwald.config.named import Named, named
from ozwald.config.nodes import Node
from ozwald.config.references import check_references
from ozwald.config.requests import written_request
from ozwald.config.values import boolean, collect, field, listed, maybe, text
from ozwald.model.realm import Layer, Network, PersistentService, Profile, Realm, ServiceDefinition, Variety
from ozwald.model.resources import Hardware
from ozwald.model.service import Requires

DEFAULT_NETWORK = "default"

# What a definition costs beside what is in it, in values of a YAML file.
_DEFINITION_VALUES = 20


def read_realms(root: Node, context: Context) -> dict[str, Realm]:
    """The realms of a checked settings tree, by name."""
    return {entry.name: _realm(entry, context) for entry in named(field(root, "realms"), context.problems)}


def _realm(entry: Named, context: Context) -> Realm:
    networks = {DEFAULT_NETWORK: Network(key=DEFAULT_NETWORK)}
    for network in named(field(entry.body, "networks"), context.problems):
        networks[network.name] = _network(network)
    written = list(named(field(entry.body, "service-definitions"), context.problems))
    context.problems.spend(_DEFINITION_VALUES * len(written), entry.origin)
    definitions = {definition.name: _definition(entry.name, definition, context) for definition in written}
    written_persistent = listed(field(entry.body, "persistent-services"))
    persistent = tuple(collect(_persistent, written_persistent, context.problems))
    realm = Realm(name=entry.name, definitions=definitions, networks=networks, persistent=persistent)
    check_references(realm, context.problems)
    return realm


def _network(entry: Named) -> Network:
    external = maybe(entry.body, "external", boolean) or False
    own = None if entry.in_list else maybe(entry.body, "name", text)
    return Network(
        key=entry.name,
        driver=maybe(entry.body, "driver", text),
        external=external,
        name=own or (entry.name if external else None),
        internal=maybe(entry.body, "internal", boolean) or False,
    )


def _persistent(item: Node) -> PersistentService:
    return PersistentService(written=written_request(item), origin=item.origin, path=item.path)


def _definition(realm: str, entry: Named, context: Context) -> ServiceDefinition:
    body = entry.body
    base = read_layer(body, context)
    profiles = {
        profile.name: Profile(name=profile.name, layer=read_layer(profile.body, context, inherits=True))
        for profile in named(field(body, "profiles"), context.problems)
    }
    return ServiceDefinition(
        realm=realm,
        name=entry.name,
        type=maybe(body, "type", text) or "container",
        description=maybe(body, "description", text) or "",
        base=base,
        varieties=_varieties(body, context) or _implied_varieties(base),
        profiles=profiles,
        origin=entry.origin,
    )


def _implied_varieties(base: Layer) -> dict[str, Variety]:
    """Those of a service that names none: any card when it requires one, else only the processor."""
    requires = base.values.get("requires") or Requires()
    cards = [hardware for hardware in Hardware if hardware is not Hardware.CPU_ONLY]
    return {
        hardware.value: Variety(name=hardware.value, hardware=hardware, layer=Layer())
        for hardware in (cards if requires.needs_cards else ())
    }


def _varieties(body: Node, context: Context) -> dict[str, Variety]:
    varieties = {}
    for entry in named(field(body, "varieties"), context.problems):
        layer = read_layer(entry.body, context, inherits=True)
        written = maybe(entry.body, "hardware", text) or entry.name
        if written not in list(Hardware):
            context.problems.error(
                entry.origin,
                f"a variety with a name of its own needs 'hardware': {', '.join(Hardware)}",
                path=entry.body.path,
            )
            continue
        varieties[entry.name] = Variety(name=entry.name, hardware=Hardware(written), layer=layer)
    return varieties
