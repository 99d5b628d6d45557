import json
from typing import Any

import pytest

from ozwald.model.resources import Gpu, Hardware
from ozwald.model.service import Device, EnvFile, Healthcheck, Mount, Port, ServiceSpec, Ulimit
from ozwald.remote.container_config import container_config

T4 = Gpu(hardware=Hardware.NVIDIA, index=0, id="GPU-1", name="T4")
RX = Gpu(
    hardware=Hardware.AMDGPU,
    index=0,
    id="amd-0000:07:00.0",
    name="RX",
    render_node="/dev/dri/renderD129",
    group_ids=(109,),
)


def spec(**fields: Any) -> ServiceSpec:
    return ServiceSpec(
        realm="default",
        instance="llm",
        service="llm",
        variety=None,
        profile=None,
        hardware=Hardware.CPU_ONLY,
        image="llm:1",
        **fields,
    )


def test_a_bare_service_leaves_everything_to_image_and_engine() -> None:
    assert container_config(spec()) == {"Image": "llm:1", "Env": [], "Labels": {}, "HostConfig": {}}


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"command": ("serve", "--port", "1")}, {"Cmd": ["serve", "--port", "1"]}),
        ({"command": ()}, {"Cmd": []}),
        ({"entrypoint": ("tini", "--")}, {"Entrypoint": ["tini", "--"]}),
        ({"entrypoint": ()}, {"Entrypoint": []}),
        ({"user": "1000:1000"}, {"User": "1000:1000"}),
        ({"working_dir": "/data"}, {"WorkingDir": "/data"}),
        ({"labels": {"a": "1"}}, {"Labels": {"a": "1"}}),
        ({"stop_grace_period": 90.0}, {"StopTimeout": 90}),
        ({"stop_grace_period": 1.9}, {"StopTimeout": 1}),
        ({"environment": {"A": "1 2", "B": "", "C": "x\ny=$z"}}, {"Env": ["A=1 2", "B=", "C=x\ny=$z"]}),
    ],
)
def test_a_field_becomes_its_part_of_the_body(fields: dict[str, Any], body: dict[str, Any]) -> None:
    made = container_config(spec(**fields))

    assert {key: made[key] for key in body} == body


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"restart": "no"}, {"RestartPolicy": {"Name": "no"}}),
        ({"restart": "unless-stopped"}, {"RestartPolicy": {"Name": "unless-stopped"}}),
        ({"restart": "on-failure:3"}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
        ({"shm_size": 1 << 30}, {"ShmSize": 1 << 30}),
        ({"ipc": "host"}, {"IpcMode": "host"}),
        ({"pid": "host"}, {"PidMode": "host"}),
        (
            {"ulimits": {"memlock": Ulimit(soft=-1, hard=-1)}},
            {"Ulimits": [{"Name": "memlock", "Soft": -1, "Hard": -1}]},
        ),
        (
            {"devices": (Device(source="/dev/fuse", target="/dev/f", permissions="r"),)},
            {"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/f", "CgroupPermissions": "r"}]},
        ),
        ({"group_add": ("video", "44")}, {"GroupAdd": ["video", "44"]}),
        ({"cap_add": ("SYS_PTRACE",)}, {"CapAdd": ["SYS_PTRACE"]}),
        ({"cap_drop": ("ALL",)}, {"CapDrop": ["ALL"]}),
        ({"security_opt": ("seccomp=unconfined",)}, {"SecurityOpt": ["seccomp=unconfined"]}),
        (
            {"security_opt": ("systempaths=unconfined", "label=disable")},
            {"SecurityOpt": ["label=disable"], "MaskedPaths": [], "ReadonlyPaths": []},
        ),
        (
            {"devices": (Device(source="example.com/net=eth0", target="example.com/net=eth0"),)},
            {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["example.com/net=eth0"]}]},
        ),
        (
            {"ports": (Port(target=80, choice=(8000, 8010)),)},
            {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}},
        ),
        (
            {
                "volumes": (
                    Mount(type="bind", source="/m", target="/m", selinux="z", read_only=True),
                    Mount(type="volume", source="models", target="/x", selinux="Z", nocopy=True),
                )
            },
            {"Binds": ["/m:/m:ro,z", "models:/x:rw,Z,nocopy"]},
        ),
        ({"extra_hosts": ("db:10.0.0.9",)}, {"ExtraHosts": ["db:10.0.0.9"]}),
        ({"tmpfs": ("/run", "/tmp:size=64m,mode=1777")}, {"Tmpfs": {"/run": "", "/tmp": "size=64m,mode=1777"}}),
        ({"init": True}, {"Init": True}),
        ({"init": False}, {"Init": False}),
        ({"mem_limit": 8 << 30}, {"Memory": 8 << 30}),
        ({"cpus": 1.5}, {"NanoCpus": 1_500_000_000}),
        ({"runtime": "nvidia"}, {"Runtime": "nvidia"}),
        ({"read_only": True}, {"ReadonlyRootfs": True}),
    ],
)
def test_a_field_becomes_its_part_of_the_host_config(fields: dict[str, Any], body: dict[str, Any]) -> None:
    assert container_config(spec(**fields))["HostConfig"] == body


def test_environment_files_come_before_the_service_s_own_values() -> None:
    files = (EnvFile(path="a", values={"A": "1", "B": "1"}), EnvFile(path="b", values={"B": "2", "C": "2"}))
    made = container_config(spec(env_file=files, environment={"C": "3"}))

    assert made["Env"] == ["A=1", "B=2", "C=3"]


def test_our_labels_win_over_the_service_s() -> None:
    made = container_config(spec(labels={"a": "theirs", "b": "theirs"}), labels={"a": "ours"})

    assert made["Labels"] == {"a": "ours", "b": "theirs"}


def test_health_times_are_nanoseconds() -> None:
    check = Healthcheck(
        test=("CMD", "curl", "localhost"),
        interval_s=1.5,
        timeout_s=3,
        start_period_s=600,
        start_interval_s=2,
        retries=5,
    )

    assert container_config(spec(healthcheck=check))["Healthcheck"] == {
        "Test": ["CMD", "curl", "localhost"],
        "Interval": 1_500_000_000,
        "Timeout": 3_000_000_000,
        "StartPeriod": 600_000_000_000,
        "StartInterval": 2_000_000_000,
        "Retries": 5,
    }


def test_health_times_too_short_for_the_engine_are_its_shortest() -> None:
    check = Healthcheck(test=("CMD", "true"), interval_s=0.0001, timeout_s=0)

    made = container_config(spec(healthcheck=check))["Healthcheck"]
    assert (made["Interval"], made["Timeout"]) == (1_000_000, 0)


def test_a_disabled_healthcheck_overrides_the_image_s() -> None:
    assert container_config(spec(healthcheck=Healthcheck(test=("NONE",))))["Healthcheck"] == {"Test": ["NONE"]}


def test_ports_are_exposed_and_published() -> None:
    ports = (
        Port(target=8000, published=80),
        Port(target=8000, published=81, host_ip="127.0.0.1"),
        Port(target=9000, protocol="udp"),
    )
    made = container_config(spec(ports=ports))

    assert made["ExposedPorts"] == {"8000/tcp": {}, "9000/udp": {}}
    assert made["HostConfig"]["PortBindings"] == {
        "8000/tcp": [{"HostIp": "", "HostPort": "80"}, {"HostIp": "127.0.0.1", "HostPort": "81"}],
        "9000/udp": [{"HostIp": "", "HostPort": ""}],
    }


@pytest.mark.parametrize(
    ("mount", "bind"),
    [
        (Mount(type="bind", source="/srv/m", target="/m"), "/srv/m:/m:rw"),
        (Mount(type="bind", source="/srv/m", target="/m", read_only=True), "/srv/m:/m:ro"),
        (Mount(type="bind", source="/srv/m", target="/m", propagation="rslave"), "/srv/m:/m:rw,rslave"),
    ],
)
def test_a_folder_that_may_be_made_is_a_bind(mount: Mount, bind: str) -> None:
    assert container_config(spec(volumes=(mount,)))["HostConfig"] == {"Binds": [bind]}


@pytest.mark.parametrize(
    ("mount", "body"),
    [
        (
            Mount(type="bind", source="/srv/m", target="/m", create_host_path=False, propagation="rslave"),
            {"Type": "bind", "Source": "/srv/m", "Target": "/m", "BindOptions": {"Propagation": "rslave"}},
        ),
        (
            Mount(type="bind", source="/srv/a:b", target="/m"),
            {"Type": "bind", "Source": "/srv/a:b", "Target": "/m", "BindOptions": {"CreateMountpoint": True}},
        ),
        (
            Mount(type="volume", source="models", target="/m", read_only=True, nocopy=True),
            {
                "Type": "volume",
                "Source": "models",
                "Target": "/m",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            },
        ),
        (Mount(type="volume", target="/m"), {"Type": "volume", "Target": "/m"}),
        (
            Mount(type="tmpfs", target="/m", tmpfs_bytes=1 << 20, tmpfs_mode=0o1777),
            {"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1777}},
        ),
    ],
)
def test_other_volumes_are_mounts(mount: Mount, body: dict[str, Any]) -> None:
    assert container_config(spec(volumes=(mount,)))["HostConfig"] == {"Mounts": [body]}


def test_nvidia_cards_are_asked_for_by_uuid() -> None:
    made = container_config(spec(), gpus=[T4])

    assert made["HostConfig"]["DeviceRequests"] == [{"Driver": "", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}]


def test_amd_cards_are_given_by_their_nodes_and_groups() -> None:
    made = container_config(spec(group_add=("109", "7")), gpus=[RX])["HostConfig"]

    assert [device["PathOnHost"] for device in made["Devices"]] == ["/dev/kfd", "/dev/dri/renderD129"]
    assert made["GroupAdd"] == ["109", "7"]
    assert "DeviceRequests" not in made


def test_groups_that_the_probe_did_not_find_are_named() -> None:
    card = Gpu(hardware=Hardware.AMDGPU, index=0, id="a", name="x", render_node="/dev/dri/renderD128")

    assert container_config(spec(), gpus=[card])["HostConfig"]["GroupAdd"] == ["video", "render"]


def test_no_card_is_given_that_was_not_asked_for() -> None:
    assert container_config(spec())["HostConfig"] == {}


def test_the_first_network_is_joined_at_creation() -> None:
    made = container_config(spec(), networks=[("oznet--default--a", ("llm",)), ("oznet--default--b", ())])

    assert made["HostConfig"]["NetworkMode"] == "oznet--default--a"
    assert made["NetworkingConfig"] == {"EndpointsConfig": {"oznet--default--a": {"Aliases": ["llm"]}}}


def test_the_body_is_json() -> None:
    volumes = (Mount(type="bind", source="/a", target="/a"), Mount(type="volume", source="v", target="/b"))

    json.dumps(container_config(spec(volumes=volumes, command=("x",)), gpus=[T4, RX]))
