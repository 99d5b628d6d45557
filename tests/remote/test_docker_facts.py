from typing import Any

import pytest

from ozwald.remote.docker_facts import facts

INFO: dict[str, Any] = {
    "ServerVersion": "28.5.1",
    "DockerRootDir": "/var/lib/docker",
    "Driver": "overlay2",
    "CgroupVersion": "2",
    "CgroupDriver": "systemd",
    "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
    "DefaultRuntime": "nvidia",
    "LiveRestoreEnabled": True,
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"],
    "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"],
    "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
    "Warnings": ["WARNING: No swap limit support"],
}
HEADERS = {"Api-Version": "1.51", "Server": "Docker/28.5.1 (linux)"}


def test_everything_that_the_engine_says_is_read() -> None:
    found = facts(INFO, HEADERS)

    assert (found.product, found.version, found.api_version) == ("Docker Engine", "28.5.1", "1.51")
    assert (found.root_dir, found.storage_driver) == ("/var/lib/docker", "overlay2")
    assert (found.cgroup_version, found.cgroup_driver) == (2, "systemd")
    assert (found.runtimes, found.default_runtime) == (("nvidia", "runc"), "nvidia")
    assert (found.live_restore, found.rootless) == (True, False)
    assert (found.cdi_spec_dirs, found.cdi_devices) == (("/etc/cdi", "/var/run/cdi"), ("nvidia.com/gpu=0",))
    assert found.warnings == ("WARNING: No swap limit support",)
    assert found.missing == {}


def test_a_rootless_engine_says_so() -> None:
    assert facts(INFO | {"SecurityOptions": ["name=seccomp", "name=rootless"]}, HEADERS).rootless


def test_podman_is_told_by_its_name() -> None:
    headers = HEADERS | {"Libpod-Api-Version": "5.4.2", "Server": "Libpod/5.4.2 (linux)"}

    assert facts(INFO, headers).product == "Podman Engine"


def test_what_an_engine_leaves_out_has_a_reason() -> None:
    found = facts({"ServerVersion": "20.10.24"}, {})

    assert found.missing == dict.fromkeys(
        (
            *("root_dir", "storage_driver", "cgroup_driver", "default_runtime"),
            *("api_version", "cgroup_version", "live_restore"),
        ),
        "the engine does not say",
    )


@pytest.mark.parametrize("nonsense", [None, 7, "x", True, [], {}, [None, 5, {"ID": []}], {"a": None}, "\x1b[31m\x00"])
def test_wrong_types_are_nothing_and_never_a_crash(nonsense: Any) -> None:
    found = facts(dict.fromkeys(INFO, nonsense), {})

    assert found.cgroup_version is None
    assert found.cdi_devices == ()
    assert "\x1b" not in repr(found)


def test_lists_without_end_are_cut() -> None:
    assert len(facts(INFO | {"Warnings": ["w"] * 100_000}, HEADERS).warnings) == 64
