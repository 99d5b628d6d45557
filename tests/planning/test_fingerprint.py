"""A fingerprint changes exactly when a new container is needed, and gives nothing away."""

from dataclasses import fields, replace
from typing import Any

import pytest

from ozwald.model.realm import Network
from ozwald.model.resources import Hardware
from ozwald.model.service import (
    Attachment,
    Dependency,
    Device,
    EnvFile,
    Healthcheck,
    Mount,
    Port,
    Pull,
    Requires,
    ServiceSpec,
    Ulimit,
)
from ozwald.planning.fingerprint import marks
from ozwald.planning.settled import IN_PLACE
from tests.builders import KEY, spec

# What decides where and how an instance is started, but not what its container is.
NOT_PART = (
    "depends_on",
    "env_file",
    "properties",
    "pull_policy",
    "start_stall_s",
    "start_timeout_s",
    "stop_grace_period",
)
NETWORKS = (Network(key="default"),)

OTHER: dict[str, Any] = {
    "realm": "lab",
    "instance": "chat",
    "service": "web",
    "variety": "nvidia",
    "profile": "fast",
    "hardware": Hardware.NVIDIA,
    "image": "llm:2",
    "command": ("serve",),
    "entrypoint": (),
    "environment": {"A": "1"},
    "env_file": (EnvFile(path="a.env", values={"A": "1"}),),
    "volumes": (Mount(type="bind", target="/data", source="/data"),),
    "ports": (Port(target=80),),
    "healthcheck": Healthcheck(test=("NONE",)),
    "depends_on": (Dependency(instance="db"),),
    "networks": (Attachment(network="default", aliases=("brain",)),),
    "restart": "always",
    "shm_size": 1,
    "ipc": "host",
    "pid": "host",
    "ulimits": {"nofile": Ulimit(soft=1, hard=2)},
    "devices": (Device(source="/dev/fuse", target="/dev/fuse"),),
    "group_add": ("video",),
    "cap_add": ("SYS_PTRACE",),
    "cap_drop": ("ALL",),
    "security_opt": ("no-new-privileges",),
    "user": "1000",
    "working_dir": "/srv",
    "labels": {"team": "blue"},
    "extra_hosts": ("gate:10.0.0.1",),
    "tmpfs": ("/tmp",),
    "init": True,
    "stop_grace_period": 30.0,
    "start_stall_s": 300.0,
    "start_timeout_s": 7200.0,
    "mem_limit": 1,
    "cpus": 0.5,
    "runtime": "runsc",
    "pull_policy": Pull.ALWAYS,
    "read_only": True,
    "properties": {"model": "qwen"},
    "requires": Requires(gpus=2),
    "lockers": ("api-keys",),
}


def mark(written: ServiceSpec, *, networks: tuple[Network, ...] = NETWORKS, key: bytes = KEY) -> str:
    attached = written.networks or (Attachment(network="default"),)
    return marks(replace(written, networks=attached), networks, key=key).fingerprint


@pytest.mark.parametrize("field", [field.name for field in fields(ServiceSpec)])
def test_every_field_either_needs_a_new_container_or_is_listed_as_not_part(field: str) -> None:
    is_changed = mark(replace(spec(), **{field: OTHER[field]})) != mark(spec())

    assert is_changed == (field not in (*NOT_PART, *IN_PLACE))


@pytest.mark.parametrize("field", IN_PLACE)
def test_a_limit_is_told_in_clear(field: str) -> None:
    written = spec(**{field: OTHER[field]})

    assert f"{field}={OTHER[field]}" in marks(written, (), key=KEY).limits.split(",")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"entrypoint": None}, {"entrypoint": ()}),
        ({"command": ("a b",)}, {"command": ("a", "b")}),
        ({"environment": {"A": ""}}, {"environment": {}}),
        ({"ports": (Port(target=80, published=80),)}, {"ports": (Port(target=80, published=81),)}),
        ({"requires": Requires(gpus=1)}, {"requires": Requires(gpus=2)}),
        ({"requires": Requires(gpus=1)}, {"requires": Requires(gpus="all")}),
        ({"init": None}, {"init": False}),
        ({"user": None}, {"user": "None"}),
    ],
)
def test_a_small_difference_is_a_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert mark(spec(**one)) != mark(spec(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"image": "redis"}, {"image": "docker.io/library/redis:latest"}),
        ({"command": None}, {"command": ()}),
        ({"cap_add": ("CAP_A", "b")}, {"cap_add": ("B", "A")}),
        ({"security_opt": ("seccomp:unconfined",)}, {"security_opt": ("seccomp=unconfined",)}),
        ({"security_opt": ('seccomp={"a": 1}',)}, {"security_opt": ('seccomp={"a":1}',)}),
        ({"group_add": ("b", "a")}, {"group_add": ("a", "b")}),
        ({"extra_hosts": ("b:1", "a:1")}, {"extra_hosts": ("a:1", "b:1")}),
        ({"tmpfs": ("/a/:b,c",)}, {"tmpfs": ("/a:c,b",)}),
        (
            {"ports": (Port(target=1, published=2), Port(target=3, published=4))},
            {"ports": (Port(target=3, published=4), Port(target=1, published=2))},
        ),
        (
            {"volumes": (Mount(type="bind", target="/a", source="/b/", propagation="rprivate"),)},
            {"volumes": (Mount(type="bind", target="/a", source="/b"),)},
        ),
    ],
)
def test_another_spelling_is_no_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert mark(spec(**one)) == mark(spec(**other))


def test_the_order_of_keys_is_no_difference() -> None:
    one = spec(environment={"A": "1", "B": "2"}, labels={"x": "1", "y": "2"})
    other = spec(environment={"B": "2", "A": "1"}, labels={"y": "2", "x": "1"})

    assert mark(one) == mark(other)


@pytest.mark.parametrize(
    "network",
    [
        Network(key="back"),
        Network(key="default", external=True),
        Network(key="default", name="shared"),
    ],
)
def test_a_changed_network_is_a_difference(network: Network) -> None:
    assert mark(spec(), networks=(network,)) != mark(spec())


def test_another_key_gives_another_fingerprint() -> None:
    assert mark(spec(), key=b"one") != mark(spec(), key=b"other")


def test_a_secret_is_not_in_the_fingerprint_and_cannot_be_guessed_without_the_key() -> None:
    secret = "hunter2"
    label = mark(spec(environment={"TOKEN": secret}))

    assert secret not in label
    assert len(label) == 64
    assert label != mark(spec(environment={"TOKEN": secret}), key=b"")


@pytest.mark.parametrize("text", ["ünïcödé", "line\nbreak", "nul\0", "lone \udc80 surrogate", '"quote"'])
def test_any_text_has_a_fingerprint_of_its_own(text: str) -> None:
    assert mark(spec(environment={"A": text})) != mark(spec(environment={"A": text + "x"}))
