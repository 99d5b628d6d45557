"""What `explain` says of a resolved service."""

from typing import Any

from ozwald.model.realm import Layer, Origin, Profile, ServiceDefinition, Variety
from ozwald.model.resources import Hardware
from ozwald.model.service import EnvFile, Mount, Port
from ozwald.planning.explain import explain


def _origin(line: int, file: str = "settings.yml") -> Origin:
    return Origin(file=file, line=line, column=1)


def _layer(line: int, origins: list[tuple[str, ...]], **values: Any) -> Layer:
    return Layer(values=values, origins={path: _origin(line) for path in origins})


def _definition() -> ServiceDefinition:
    base = _layer(
        1,
        [
            *[("image",), ("environment",), ("environment", "A"), ("environment", "B"), ("env_file",)],
            *[("ports",), ("ports", "80/tcp"), ("volumes",), ("volumes", "/models"), ("volumes", "/cache")],
            *[("lockers",), ("lockers", "a")],
        ],
        image="base",
        environment={"A": "1", "B": "1"},
        env_file=(EnvFile(path="a.env", values={"A": "x", "C": "c"}, origins={"C": _origin(7, "a.env")}),),
        ports=(Port(target=80, published=80),),
        volumes=(Mount(type="bind", source="/m", target="/models"), Mount(type="volume", source="c", target="/cache")),
        lockers=("a",),
    )
    variety = _layer(2, [("image",), ("volumes",), ("volumes", "/models")], image="cuda")
    variety.values["volumes"] = (Mount(type="bind", source="/fast", target="/models"),)  # type: ignore[index]
    profile = _layer(
        3,
        [("environment",), ("environment", "B"), ("ports",), ("ports", "90/tcp"), ("lockers", "b")],
        environment={"B": None},
        ports=(Port(target=90),),
        lockers=("b",),
    )
    return ServiceDefinition(
        realm="default",
        name="chat",
        base=base,
        varieties={"nvidia": Variety(name="nvidia", hardware=Hardware.NVIDIA, layer=variety)},
        profiles={"big": Profile(name="big", layer=profile)},
    )


def test_every_value_has_the_layer_and_the_place_that_set_it() -> None:
    found = explain(_definition(), variety="nvidia", profile="big")
    places = {value.path: (value.layer, str(value.origin or "")) for value in found}
    assert places == {
        "image": ("variety nvidia", "settings.yml:2:1"),
        "environment.A": ("service", "settings.yml:1:1"),
        "environment.C": ("env_file", "a.env:7:1"),
        "env_file": ("service", "settings.yml:1:1"),
        "volumes./cache": ("service", "settings.yml:1:1"),
        "volumes./models": ("variety nvidia", "settings.yml:2:1"),
        "ports.80/tcp": ("service", "settings.yml:1:1"),
        "ports.90/tcp": ("profile big", "settings.yml:3:1"),
        "lockers.a": ("service", "settings.yml:1:1"),
        "lockers.b": ("profile big", "settings.yml:3:1"),
        "networks": ("default", ""),
        "restart": ("default", ""),
    }


def test_an_environment_file_is_named_and_its_values_are_not_in_it() -> None:
    found = {value.path: value.value for value in explain(_definition(), variety=None, profile=None)}
    assert (found["env_file"], found["environment.C"]) == ('["a.env"]', "c")


def test_services_with_lockers_are_not_restarted_by_the_engine() -> None:
    found = {value.path: value.value for value in explain(_definition(), variety=None, profile=None)}
    assert found["restart"] == "no"
