"""Layers over layers: base < variety < profile."""

from typing import Any

import pytest

from ozwald.errors import RequestError
from ozwald.model.realm import ServiceDefinition
from ozwald.model.resources import Hardware
from ozwald.model.service import Attachment, EnvFile, Healthcheck, Mount, Requires, ServiceSpec
from ozwald.planning.resolve import hardware_of, requirements, resolve, varieties_by_preference
from tests.builders import GIB, definition, depends_on, port, request


def service(
    base: dict[str, Any] | None = None, variety: dict[str, Any] | None = None, profile: dict[str, Any] | None = None
) -> ServiceDefinition:
    return definition(base=base or {}, varieties={"nvidia": variety or {}}, profiles={"fast": profile or {}})


def resolved(
    base: dict[str, Any] | None = None, variety: dict[str, Any] | None = None, profile: dict[str, Any] | None = None
) -> ServiceSpec:
    complete = {"image": "llm:1"} | (base or {})
    return resolve(service(complete, variety, profile), request(profile="fast"), variety="nvidia")


def test_a_spec_says_what_it_is_of() -> None:
    spec = resolve(service({"image": "llm:1"}), request("chat", service="llm", profile="fast"), variety="nvidia")

    assert (spec.realm, spec.instance, spec.service) == ("default", "chat", "llm")
    assert (spec.variety, spec.profile, spec.hardware) == ("nvidia", "fast", Hardware.NVIDIA)


@pytest.mark.parametrize(
    ("base", "variety", "profile", "image"),
    [
        ("base:1", None, None, "base:1"),
        ("base:1", "variety:1", None, "variety:1"),
        ("base:1", "variety:1", "profile:1", "profile:1"),
        ("base:1", None, "profile:1", "profile:1"),
        (None, "variety:1", None, "variety:1"),
    ],
)
def test_the_last_layer_that_names_a_value_wins(
    base: str | None, variety: str | None, profile: str | None, image: str
) -> None:
    layers = [{"image": value} if value else {} for value in (base, variety, profile)]

    assert resolve(service(*layers), request(profile="fast"), variety="nvidia").image == image


def test_a_profile_that_is_not_asked_for_does_not_count() -> None:
    spec = resolve(service({"image": "a:1"}, None, {"image": "b:1"}), request(), variety="nvidia")

    assert spec.image == "a:1"


def test_another_variety_does_not_count() -> None:
    both = definition(base={"image": "a:1"}, varieties={"nvidia": {"image": "b:1"}, "cpu-only": {}})

    assert resolve(both, request(), variety="cpu-only").image == "a:1"


@pytest.mark.parametrize("field", ["environment", "labels", "properties"])
@pytest.mark.parametrize(
    ("base", "variety", "profile", "merged"),
    [
        ({"A": "1"}, {"B": "2"}, {"C": "3"}, {"A": "1", "B": "2", "C": "3"}),
        ({"A": "1", "B": "1"}, {"A": "2"}, {"A": "3"}, {"A": "3", "B": "1"}),
        ({"A": "1", "B": "1"}, {"A": None}, None, {"B": "1"}),
        ({"A": "1"}, {"A": None}, {"A": "3"}, {"A": "3"}),
        ({"A": "1"}, {"A": ""}, {"B": "3"}, {"A": "", "B": "3"}),
        ({"A": "1"}, {}, {"B": "3"}, {"B": "3"}),
        ({"A": "1"}, {}, None, {}),
        ({"A": "1"}, None, {"B": "3"}, {"B": "3"}),
        ({"A": None, "B": "1"}, {"C": "2"}, {"B": None}, {"C": "2"}),
    ],
)
def test_maps_merge_by_key(
    field: str,
    base: dict[str, str | None],
    variety: dict[str, str | None] | None,
    profile: dict[str, str | None] | None,
    merged: dict[str, str],
) -> None:
    spec = resolved({field: base}, {field: variety}, {} if profile is None else {field: profile})

    assert getattr(spec, field) == merged


def test_a_variable_that_is_removed_is_not_taken_from_an_environment_file() -> None:
    files = (EnvFile(path="/a.env", values={"A": "file", "B": "file"}),)

    assert resolved({"env_file": files}, {}, {"environment": {"A": None}}).environment == {"B": "file"}
    assert resolved({"env_file": files, "environment": {"A": None}}).environment == {"B": "file"}
    assert resolved({"env_file": files, "environment": {"A": None}}, {}, {"environment": {}}).environment == {
        "A": "file",
        "B": "file",
    }


@pytest.mark.parametrize("networks", [None, ()])
def test_a_service_on_no_network_is_on_the_default_one(networks: tuple[Attachment, ...] | None) -> None:
    below = {"networks": (Attachment(network="back"),)}

    assert resolved(below, {}, {"networks": networks}).networks == (Attachment(network="default"),)


def test_a_layer_that_does_not_name_a_map_leaves_it() -> None:
    assert resolved({"environment": {"A": "1"}}, {}, {"labels": {"x": "y"}}).environment == {"A": "1"}


def test_volumes_merge_by_target() -> None:
    data, cache = Mount(type="bind", target="/data", source="/old"), Mount(type="bind", target="/cache", source="/c")
    newer = Mount(type="volume", target="/data", source="models", read_only=True)

    assert resolved({"volumes": (data, cache)}, {"volumes": (newer,)}).volumes == (cache, newer)


def test_ports_merge_by_container_port_and_protocol() -> None:
    base = (port(80, 8080), port(53, 53, protocol="udp"), port(53, 5353))
    upper = (port(80, 9090), port(53, 54, protocol="udp"))

    assert resolved({"ports": base}, {}, {"ports": upper}).ports == (port(53, 5353), *upper)


def test_one_layer_may_publish_one_port_twice() -> None:
    twice = (port(80, 8080), port(80, 8081))

    assert resolved({"ports": (port(80, 80),)}, {"ports": twice}).ports == twice


@pytest.mark.parametrize("field", ["volumes", "ports", "environment", "command", "cap_add"])
def test_an_empty_value_clears(field: str) -> None:
    full: dict[str, Any] = {
        "volumes": (Mount(type="bind", target="/data", source="/d"),),
        "ports": (port(80),),
        "environment": {"A": "1"},
        "command": ("serve",),
        "cap_add": ("SYS_PTRACE",),
    }
    empty: Any = {} if field == "environment" else ()

    assert getattr(resolved(full, {field: empty}), field) == empty


@pytest.mark.parametrize(
    ("field", "lower", "upper"),
    [
        ("command", ("a", "b"), ("c",)),
        ("healthcheck", Healthcheck(test=("CMD", "a"), retries=3), Healthcheck(test=("CMD", "b"))),
        ("requires", Requires(memory_bytes=GIB, vram_bytes=GIB), Requires(memory_bytes=2 * GIB)),
        ("depends_on", depends_on("a", "b"), depends_on("c")),
        ("networks", (Attachment(network="a"),), (Attachment(network="b"),)),
        ("cap_add", ("A", "B"), ("C",)),
        ("user", "a", "b"),
        ("read_only", True, False),
        ("mem_limit", GIB, 2 * GIB),
    ],
)
def test_anything_else_is_replaced_whole(field: str, lower: object, upper: object) -> None:
    assert getattr(resolved({field: lower}, {}, {field: upper}), field) == upper


@pytest.mark.parametrize(
    ("field", "value", "default"),
    [
        ("command", ("a",), None),
        ("healthcheck", Healthcheck(test=("NONE",)), None),
        ("user", "me", None),
        ("environment", {"A": "1"}, {}),
        ("volumes", (Mount(type="tmpfs", target="/t"),), ()),
        ("restart", "always", "unless-stopped"),
        ("networks", (Attachment(network="back"),), (Attachment(network="default"),)),
        ("read_only", True, False),
    ],
)
def test_null_removes_what_a_lower_layer_set(field: str, value: object, default: object) -> None:
    assert getattr(resolved({field: value}, {field: None}), field) == default


def test_a_higher_layer_may_set_again_what_null_removed() -> None:
    assert resolved({"environment": {"A": "1"}}, {"environment": None}, {"environment": {"B": "2"}}).environment == {
        "B": "2"
    }


@pytest.mark.parametrize(
    ("written", "restart"),
    [
        ({}, "unless-stopped"),
        ({"depends_on": depends_on("db")}, "no"),
        ({"depends_on": ()}, "unless-stopped"),
        ({"depends_on": depends_on("db"), "restart": "always"}, "always"),
        ({"restart": "on-failure:3"}, "on-failure:3"),
    ],
)
def test_restart_defaults_by_whether_the_loop_must_order_the_start(written: dict[str, Any], restart: str) -> None:
    assert resolved(written).restart == restart


def test_the_environment_lies_over_the_environment_files_and_the_last_file_over_the_first() -> None:
    files = (
        EnvFile(path="a.env", values={"A": "a", "B": "a", "C": "a"}),
        EnvFile(path="b.env", values={"B": "b", "C": "b"}),
    )

    spec = resolved({"env_file": files, "environment": {"C": "own"}})

    assert spec.environment == {"A": "a", "B": "b", "C": "own"}


def test_a_service_without_networks_is_in_the_default_one() -> None:
    assert resolved().networks == (Attachment(network="default"),)


@pytest.mark.parametrize("base", [{}, {"image": None}, {"image": ""}])
def test_a_missing_image_is_told_with_where_to_add_it(base: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"service 'llm' has no image for variety 'nvidia' and profile 'fast'; add"):
        resolve(service(base), request(profile="fast"), variety="nvidia")


def test_varieties_are_preferred_by_their_hardware_and_then_as_written() -> None:
    llm = definition(
        varieties={"slow": {}, "cpu-only": {}, "amdgpu": {}, "cuda-12": {}, "nvidia": {}},
        hardware={"cuda-12": Hardware.NVIDIA, "slow": Hardware.CPU_ONLY},
    )

    preferred = [variety.name for variety in varieties_by_preference(llm) if variety]

    assert preferred == ["cuda-12", "nvidia", "amdgpu", "slow", "cpu-only"]


def test_a_definition_without_varieties_runs_on_the_processor() -> None:
    assert varieties_by_preference(definition()) == (None,)
    assert hardware_of(definition(), None) is Hardware.CPU_ONLY


def test_requirements_are_known_before_there_is_an_image() -> None:
    unfinished = service({}, {"requires": Requires(gpus=2)})

    assert requirements(unfinished, variety="nvidia", profile=None) == Requires(gpus=2)
    assert requirements(service(), variety="nvidia", profile=None) == Requires()
