"""A service definition as programs read it: the command line's JSON and the API's."""

from ozwald.model.realm import ServiceDefinition
from ozwald.planning.resolve import layers, merge


def definition_document(definition: ServiceDefinition) -> dict[str, object]:
    """One definition with its varieties and profiles."""
    return {
        "realm": definition.realm,
        "name": definition.name,
        "type": definition.type,
        "description": definition.description,
        "varieties": {
            name: {
                "hardware": variety.hardware.value,
                "image": merge(layers(definition, variety=name, profile=None)).get("image"),
            }
            for name, variety in definition.varieties.items()
        },
        "profiles": list(definition.profiles),
        "image": merge(layers(definition, variety=None, profile=None)).get("image"),
    }
