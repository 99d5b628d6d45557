"""Checks what the parts of a realm say about each other."""

from collections.abc import Iterator, Mapping
from itertools import islice

from ozwald.config.problems import Problems
from ozwald.model.realm import Layer, Origin, Realm, ServiceDefinition

# A few thousand names can be in millions of circles, each as long as a file.
MOST_CIRCLES = 20
_LONGEST_CIRCLE = 8


def check_references(realm: Realm, problems: Problems) -> None:
    """Networks must exist, dependencies must not run in a circle; an image may come later."""
    for definition in realm.definitions.values():
        for path, layer in _layers(definition):
            _check_networks(path, layer, realm, problems)
            _check_dependencies(path, layer, realm, problems)
        _check_image(definition, problems)
    _check_circles(realm, problems)


def _layers(definition: ServiceDefinition) -> Iterator[tuple[str, Layer]]:
    start = f"realms.{definition.realm}.service-definitions.{definition.name}"
    yield start, definition.base
    for variety in definition.varieties.values():
        yield f"{start}.varieties.{variety.name}", variety.layer
    for profile in definition.profiles.values():
        yield f"{start}.profiles.{profile.name}", profile.layer


def _place(layer: Layer, field: str, key: str) -> Origin:
    return layer.origins.get((field, key), layer.origins[(field,)])


def _check_networks(path: str, layer: Layer, realm: Realm, problems: Problems) -> None:
    for attachment in layer.values.get("networks") or ():
        if attachment.network not in realm.networks:
            problems.error(
                _place(layer, "networks", attachment.network),
                f"the realm has no such network{problems.nearest(attachment.network, realm.networks)}",
                path=f"{path}.networks",
            )


def _check_dependencies(path: str, layer: Layer, realm: Realm, problems: Problems) -> None:
    for dependency in layer.values.get("depends_on") or ():
        if dependency.instance not in realm.definitions:
            problems.warn(
                _place(layer, "depends_on", dependency.instance),
                "no definition of the realm has this name; an instance must have it by the time this starts"
                + problems.nearest(dependency.instance, realm.definitions),
                path=f"{path}.depends_on",
            )


def _check_image(definition: ServiceDefinition, problems: Problems) -> None:
    if definition.type != "container" or not definition.origin:
        return
    if not any(layer.values.get("image") for _, layer in _layers(definition)):
        path = f"realms.{definition.realm}.service-definitions.{definition.name}"
        problems.warn(definition.origin, "no image yet, so it cannot be started", path=path)


def _check_circles(realm: Realm, problems: Problems) -> None:
    """A circle that no choice of varieties and profiles avoids is an error, any other a warning."""
    always = {name: _needs(definition, every=True) for name, definition in realm.definitions.items()}
    sometimes = {name: _needs(definition, every=False) for name, definition in realm.definitions.items()}
    certain = list(islice(circles(always), MOST_CIRCLES))
    for circle in certain or islice(circles(sometimes), MOST_CIRCLES):
        origin = _circle_place(realm.definitions[circle[0]], circle[1 % len(circle)])
        path = f"realms.{realm.name}.service-definitions.{circle[0]}.depends_on"
        report = problems.error if certain else problems.warn
        way = "run in a circle" if certain else "can run in a circle"
        report(origin, f"the dependencies {way}: {circle_text(circle)}", path=path)


def _circle_place(definition: ServiceDefinition, needed: str) -> Origin:
    layers = [layer for _, layer in _layers(definition) if layer.values.get("depends_on")]
    return next(layer.origins[at] for layer in layers if (at := ("depends_on", needed)) in layer.origins)


def _needs(definition: ServiceDefinition, *, every: bool) -> tuple[str, ...]:
    """What every choice of variety and profile needs, or what any of them does."""
    without_profile = _choices([variety.layer for variety in definition.varieties.values()], [definition.base])
    choices = [
        {dependency.instance for dependency in layer.values.get("depends_on") or ()}
        for layer in (*without_profile, *(profile.layer for profile in definition.profiles.values()))
        if "depends_on" in layer.values or layer is definition.base
    ]
    found = set.intersection(*choices) if every else set.union(*choices)
    return tuple(sorted(found))


def _choices(varieties: list[Layer], base: list[Layer]) -> list[Layer]:
    """The layers that `depends_on` may come from; the base only where a variety leaves it open."""
    named = [layer for layer in varieties if "depends_on" in layer.values]
    return named if named and len(named) == len(varieties) else [*named, *base]


def circle_text(circle: list[str]) -> str:
    """The names of a circle in a row, the first again at the end; a long one loses its middle."""
    names = [*circle[:_LONGEST_CIRCLE], "…"] if len(circle) > _LONGEST_CIRCLE else circle
    return " -> ".join((*names, circle[0]))


def circles(needs: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Circles of a graph, so that without one edge of each none is left."""
    done: set[str] = set()
    for start in needs:
        trail: dict[str, Iterator[str]] = {}
        if start not in done:
            trail[start] = iter(needs[start])
        while trail:
            last = next(reversed(trail))
            following = next(trail[last], None)
            if following is None:
                trail.pop(last)
                done.add(last)
            elif following in trail:
                names = list(trail)
                yield names[names.index(following) :]
            elif following in needs and following not in done:
                trail[following] = iter(needs[following])
