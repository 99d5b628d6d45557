"""The keys of a definition, a variety and a profile become typed values."""

import os
from pathlib import Path
from typing import Any

import pytest

from ozwald.model.service import (
    Attachment,
    BridgeConnector,
    Dependency,
    Device,
    EnvFile,
    Healthcheck,
    Mount,
    Port,
    Pull,
    Requires,
    RunScript,
    Ulimit,
)
from tests.config.conftest import Load, Refuse

HEAD = """
realms:
  r:
    networks: {front: , back: }
    service-definitions:
      other: {image: o}
      s:
"""


def settings_text(key: str) -> str:
    lines = key.split("\n")
    return HEAD + "\n".join(f"        {line}" for line in lines) + "\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image: redis:7", "redis:7"),
        ("lockers: [a, b]", ("a", "b")),
        (
            "footprint: {run-time: 1m, run_script: {in_container: ./load.sh}}",
            {"run_time": 60.0, "run_script": RunScript(line="./load.sh", in_container=True)},
        ),
        ("footprint: {run-time: null}", {"run_time": None}),
        ("replicas: 2", 2),
        ("image:", None),
        ("command: a 'b c' \"d\"", ("a", "b c", "d")),
        ("command: [--port, 80, --on, true, --v, 1.10]", ("--port", "80", "--on", "true", "--v", "1.10")),
        ("command: []", ()),
        ('entrypoint: ""', ()),
        ("environment: {A: true, B: 1.10, C: 0.9, D: no, E: '', F: , G: 0x10}",
         {"A": "true", "B": "1.10", "C": "0.9", "D": "no", "E": "", "F": None, "G": "0x10"}),
        ("environment: [A=1, 'B=x=y', PASSED, ABSENT, 'E=']",
         {"A": "1", "B": "x=y", "PASSED": "on", "ABSENT": None, "E": ""}),
        ("environment: {J: [1.10, true, null, 'x', {a: 'é'}], M: {}}",
         {"J": '[1.10,true,null,"x",{"a":"é"}]', "M": "{}"}),
        ('environment: {Q: "a\\n\\"b\\"\\t\'c\' $$x"}', {"Q": 'a\n"b"\t\'c\' $x'}),
        ("environment:\n  T: |\n    one\n    two", {"T": "one\ntwo\n"}),
        ("environment: {}", {}),
        ("environment: []", {}),
        ("environment:", None),
        ("properties: {a: [1], b: null, c: true}", {"a": "[1]", "b": None, "c": "true"}),
        ("labels: [a=b, c]", {"a": "b", "c": ""}),
        ("labels: {a: 1, b: }", {"a": "1", "b": ""}),
        ("environment: {PASSED: , ABSENT: }", {"PASSED": "on", "ABSENT": None}),
        ("ports: [80]", (Port(target=80),)),
        ("ports: ['8080:80']", (Port(target=80, published=8080),)),
        ("ports: ['127.0.0.1:8080:80/udp']",
         (Port(target=80, published=8080, host_ip="127.0.0.1", protocol="udp"),)),
        ("ports: ['127.0.0.1::80']", (Port(target=80, host_ip="127.0.0.1"),)),
        ("ports: ['[::1]:80:80']", (Port(target=80, published=80, host_ip="::1"),)),
        ("ports: [3000-3001]", (Port(target=3000), Port(target=3001))),
        ("ports: ['90-91:80-81']", (Port(target=80, published=90), Port(target=81, published=91))),
        ("ports: [{target: 80, published: '90', host_ip: 0.0.0.0, protocol: udp, mode: host, name: x}]",
         (Port(target=80, published=90, host_ip="0.0.0.0", protocol="udp"),)),
        ("ports: ['8000-9000:80/UDP']", (Port(target=80, choice=(8000, 9000), protocol="udp"),)),
        ("ports: ['0:80', {target: 81, published: 0}]", (Port(target=80), Port(target=81))),
        ("ports: ['::1:80:80', '8:8', '8:8']",
         (Port(target=80, published=80, host_ip="::1"), Port(target=8, published=8))),
        ("ports: 22:22", "refused"),
        ("ports:\n- 22:22", (Port(target=22, published=22),)),
        ("volumes: [/cache]", (Mount(type="volume", target="/cache"),)),
        ("volumes: ['/a:/m/./x/', 'models:/m/x']", (Mount(type="volume", source="models", target="/m/x"),)),
        ("volumes: ['/a:/b:ro,Z,cached', 'models:/m:z']",
         (Mount(type="bind", source="/a", target="/b", read_only=True, selinux="Z"),
          Mount(type="volume", source="models", target="/m", selinux="z"))),
        ("volumes: [{type: bind, source: /a, target: /b, bind: {selinux: z}}]",
         (Mount(type="bind", source="/a", target="/b", selinux="z"),)),
        ("volumes: ['models:/m']", (Mount(type="volume", source="models", target="/m"),)),
        ("volumes: ['models:/m:ro,nocopy']",
         (Mount(type="volume", source="models", target="/m", read_only=True, nocopy=True),)),
        ("volumes: ['/srv/m:/m:ro,rslave']",
         (Mount(type="bind", source="/srv/m", target="/m", read_only=True, propagation="rslave"),)),
        ("volumes: [{type: bind, source: /a, target: /b, read_only: true, bind: {create-host-path: false}}]",
         (Mount(type="bind", source="/a", target="/b", read_only=True, create_host_path=False),)),
        ("volumes: [{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 1777}}]",
         (Mount(type="tmpfs", target="/t", tmpfs_bytes=64 * 1024**2, tmpfs_mode=0o1777),)),
        ("volumes: [{type: volume, source: vv, target: /t, volume: {nocopy: true}}]",
         (Mount(type="volume", source="vv", target="/t", nocopy=True),)),
        ("healthcheck: {test: curl -f x, interval: 1m30s, timeout: 5s, start_period: 10, retries: 3}",
         Healthcheck(test=("CMD-SHELL", "curl -f x"), interval_s=90, timeout_s=5, start_period_s=10,
                     retries=3)),
        ("healthcheck: {test: [CMD, a, 'b c'], start-interval: 500ms}",
         Healthcheck(test=("CMD", "a", "b c"), start_interval_s=0.5)),
        ("healthcheck: {disable: true}", Healthcheck(test=("NONE",))),
        ("healthcheck: {test: [NONE]}", Healthcheck(test=("NONE",))),
        ("depends_on: [other]", (Dependency(instance="other"),)),
        ("depends-on: {other: {condition: service_started, required: false}}",
         (Dependency(instance="other", condition="service_started", required=False),)),
        ("depends_on: {other: }", (Dependency(instance="other"),)),
        ("networks: [back, default]", (Attachment(network="back"), Attachment(network="default"))),
        ("networks: {back: {aliases: [llm]}, front: }",
         (Attachment(network="back", aliases=("llm",)), Attachment(network="front"))),
        ("networks: []", ()),
        ("restart: no", "no"),
        ("restart: on-failure:3", "on-failure:3"),
        ("shm_size: 2g", 2 * 1024**3),
        ("shm-size: 1024", 1024),
        ("mem_limit: 1.5gb", 1536 * 1024**2),
        ("ipc: host", "host"),
        ("ulimits: {memlock: -1, nofile: {soft: 1, hard: 2}}",
         {"memlock": Ulimit(soft=-1, hard=-1), "nofile": Ulimit(soft=1, hard=2)}),
        ("devices: [/dev/a, '/dev/a:/dev/b', '/dev/a:/dev/c:rw', '/dev/d::r', '/dev/e:r']",
         (Device(source="/dev/a", target="/dev/a"), Device(source="/dev/a", target="/dev/b"),
          Device(source="/dev/a", target="/dev/c", permissions="rw"),
          Device(source="/dev/d", target="/dev/d", permissions="r"),
          Device(source="/dev/e", target="/dev/e", permissions="r"))),
        ("devices: [/dev/a, '/dev/b:/dev/a:r']", (Device(source="/dev/b", target="/dev/a", permissions="r"),)),
        ("devices: [example.com/net=eth0]", (Device(source="example.com/net=eth0", target="example.com/net=eth0"),)),
        ("devices: [{source: /dev/a, permissions: r}]",
         (Device(source="/dev/a", target="/dev/a", permissions="r"),)),
        ("group_add: [video, 44]", ("video", "44")),
        ("cap_add: [SYS_PTRACE, SYS_PTRACE]", ("SYS_PTRACE",)),
        ("security_opt: ['seccomp:unconfined', label=disable, no-new-privileges]",
         ("seccomp:unconfined", "label=disable", "no-new-privileges")),
        ("user: 1000:1000", "1000:1000"),
        ("user: 1000", "1000"),
        ("extra_hosts: ['db:10.0.0.5', 'v6=::1', 'w=[::1]', 'x:::1']",
         ("db:10.0.0.5", "v6:::1", "w:::1", "x:::1")),
        ("extra_hosts: {v6: '[::1]'}", ("v6:::1",)),
        ("extra_hosts: {db: 10.0.0.5, two: [1.1.1.1, 2.2.2.2]}",
         ("db:10.0.0.5", "two:1.1.1.1", "two:2.2.2.2")),
        ("tmpfs: /tmp", ("/tmp",)),
        ("tmpfs: ['/tmp:size=64m']", ("/tmp:size=64m",)),
        ("init: true", True),
        ("init: 'True'", True),
        ("init: no", False),
        ("read_only: false", False),
        ("stop_grace_period: 1m", 60.0),
        ("start_stall_s: 300", 300.0),
        ("start-timeout-s: 2h", 7200.0),
        ("depends_on: {db: {restart: true}}", (Dependency(instance="db", restart=True),)),
        ("cpus: '1.5'", 1.5),
        ("cpus: 2", 2.0),
        ("mem_limit: 0x10", 16),
        ("networks: [back, back]", (Attachment(network="back"),)),
        ("healthcheck: {disable: true, interval: 5s}", Healthcheck(test=("NONE",))),
        ("pull_policy: if_not_present", Pull.MISSING),
        ("pull_policy: always", Pull.ALWAYS),
        ("requires: {gpus: all, vram: 20g}", Requires(gpus="all", vram_bytes=20 * 1024**3)),
        ("requires: {gpus: 2, memory: 1g}", Requires(gpus=2, memory_bytes=1024**3)),
    ],
)  # fmt: skip
def test_a_key_becomes_its_value(load: Load, refuse: Refuse, key: str, value: Any) -> None:
    text = settings_text(key)
    if value == "refused":
        refuse(text)
        return
    settings = load(text, environ={"PASSED": "on"})
    (field,) = settings.realms["r"].definitions["s"].base.values.items()
    assert field == (key.partition(":")[0].replace("-", "_"), value)


def test_a_script_of_the_controller_runs_in_the_folder_of_the_settings(load: Load, tmp_path: Path) -> None:
    settings = load(settings_text("footprint: {run-script: ./load.sh}"))

    footprint = settings.realms["r"].definitions["s"].base.values["footprint"]
    assert footprint == {"run_script": RunScript(line="./load.sh", folder=str(tmp_path))}


@pytest.mark.parametrize(
    ("key", "where", "sentence"),
    [
        ("image: 7", "s.image", "must be text, not a whole number"),
        ("command: a 'b", "s.command", "a quote is opened and never closed"),
        ("environment: [=x]", "s.environment[0]", "has the form KEY=value"),
        ("environment: {a=b: c}", "s.environment", "a key is not empty and has no '='"),
        ("environment: [A: b]", "s.environment[0]", "must be text, not a map"),
        ("labels: {ozwald.realm: x}", "s.labels", "are Ozwald's own"),
        ("labels: ['ozwald.realm=x']", "s.labels", "are Ozwald's own"),
        ("ports: [70000]", "s.ports[0]", "between 1 and 65535"),
        ("ports: ['0-2:80']", "s.ports[0]", "between 1 and 65535"),
        ("ports: ['[::1:80:80']", "s.ports[0]", "not an IP address"),
        ("ports: ['fe80::1%eth0:80:80']", "s.ports[0]", "must not name an interface"),
        ("ports: [80-79]", "s.ports[0]", "the lower one"),
        ("ports: ['8000-9000:80-81']", "s.ports[0]", "the same length"),
        ("ports: ['1.2.3:80:80']", "s.ports[0]", "not an IP address"),
        ("ports: [x]", "s.ports[0]", "must have the form"),
        ("ports: [{published: 80}]", "s.ports[0]", "the key 'target' is missing"),
        ("volumes: ['data/x:/d']", "s.volumes[0]", "neither a path, which begins with"),
        ("volumes: ['~/x:/d']", "s.volumes[0]", "'~' has no meaning"),
        ("volumes: ['/a:b']", "s.volumes[0]", "absolute path in the container"),
        (f"volumes: ['/a:/{'b' * 256}']", "s.volumes[0]", "a name in the path is longer than 255 bytes"),
        (f"volumes: ['/{'a' * 256}:/b']", "s.volumes[0]", "a name in the path is longer than 255 bytes"),
        (f"working_dir: /{'é' * 128}", "s.working_dir", "a name in the path is longer than 255 bytes"),
        (f"working_dir: {'/a' * 2048}", "s.working_dir", "the path is longer than 4096 bytes"),
        ("volumes: ['/a:/b:size=1']", "s.volumes[0]", "a mode that is not supported"),
        ("volumes: ['/a:/b:z,Z']", "s.volumes[0]", "contradict"),
        ("volumes: ['v:/b']", "s.volumes[0]", "the name of a volume"),
        ("volumes: [{type: bind, source: /a, target: /b, bind: {selinux: z, create_host_path: false}}]",
         "s.volumes[0].bind", "relabels only"),
        ("volumes: ['/a:/b:ro,rw']", "s.volumes[0]", "contradict"),
        ("volumes: ['/a:/b:nocopy']", "s.volumes[0]", "needs a volume's name"),
        ("volumes: [{type: bind, target: /b}]", "s.volumes[0]", "needs a 'source'"),
        ("volumes: [{type: bnd, target: /b}]", "s.volumes[0].type", "must be bind, volume or tmpfs"),
        ("volumes: [{type: volume, target: /b, bind: {propagation: shared}}]", "s.volumes[0]", "do not fit"),
        ("healthcheck: {test: [curl]}", "s.healthcheck.test", "must begin with"),
        ("healthcheck: {interval: soon}", "s.healthcheck.interval", "is not a duration"),
        ("depends_on: {other: {condition: service_completed_successfully}}", "s.depends_on.other.condition", "run on"),
        ("restart: sometimes", "s.restart", "restart is one of"),
        ("restart: false", "s.restart", "must be text, not true or false"),
        ("shm_size: big", "s.shm_size", "is not a size"),
        ("devices: [nvidia.com/gpu=all]", "s.devices[0]", "cards are given by Ozwald"),
        ("devices: [example.com/gpu=0]", "s.devices[0]", "cards are given by Ozwald"),
        ("devices: [dev/a]", "s.devices[0]", "must have the form"),
        ("environment: ['A =1']", "s.environment", "ends with a blank"),
        ("extra_hosts: ['a:1.2.3.4=x']", "s.extra_hosts[0]", "NAME:ADDRESS"),
        ("security_opt: [seccomp=gone.json]", "s.security_opt[0]", "the seccomp profile cannot be read"),
        ("command: serve && stop", "s.command", "is for a shell"),
        ("cpus: .inf", "s.cpus", "must be a number of at least 0"),
        ("pull_policy: daily", "s.pull_policy", "must be always"),
        ("requires: {gpus: many}", "s.requires.gpus", "must be a whole number"),
        ("requires: {gpu: 1}", "s.requires", "the key 'gpu' is not known; did you mean 'gpus'?"),
        ("lockers: [a, b--c]", "s.lockers[1]", "a name has letters"),
        ("lockers: a", "s.lockers", "must be a list"),
        ("bridge_connector: {port: 80}", "s.bridge_connector", "'name' is missing"),
        ("bridge_connector: {name: n, port: 0}", "s.bridge_connector.port", "between 1 and 65535"),
        ("footprint: {run-time: soon}", "s.footprint.run-time", "is not a duration"),
        ("privileged: true", "s", "'privileged' is a key of Compose"),
        ("priviledged: true", "s", "the key 'priviledged' is not known"),
        ("profiles: [gpu]", "s.profiles[0]", "a profile here is a set of parameters"),
        ("profiles: {p: {build: .}}", "s.profiles.p", "'build' is a key of Compose"),
        ("ipc: service:other", "s.ipc", "of another service cannot be shared"),
        ("ulimits: {nofile: many}", "s.ulimits.nofile", "must be a whole number"),
        ("restart: always\nenv_file: gone.env", "s.env_file", "cannot be read: No such file"),
        ("env-file: []\nenv_file: []", "s.env_file", "the key stands twice, also as 'env-file'"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_named(refuse: Refuse, key: str, where: str, sentence: str) -> None:
    problems = refuse(settings_text(key))
    assert [problem.path for problem in problems] == [f"realms.r.service-definitions.{where}"]
    assert sentence in problems[0].message
    assert problems[0].line >= 8


@pytest.mark.parametrize(
    "key",
    [
        "replicas: 2",
        "bridge-connector: {name: n, port: 80}",
    ],
)
def test_what_has_no_effect_yet_is_said(load: Load, key: str) -> None:
    warnings = [str(warning) for warning in load(settings_text(f"image: i\n{key}")).warnings]
    assert [warning for warning in warnings if "has no effect yet" in warning]


def test_a_bridge_connector_has_a_name_and_a_port(load: Load) -> None:
    layer = load(settings_text("bridge-connector: {name: n, port: '80'}")).realms["r"].definitions["s"].base
    assert layer.values["bridge_connector"] == BridgeConnector(name="n", port=80)


@pytest.mark.parametrize(
    ("written", "source"),
    [("./data", "data"), ("../up", "../up"), ("${SETTINGS_FILE_DIR}/a/../b", "b"), (".", ".")],
)
def test_a_source_beside_the_settings_is_the_controllers_own(
    load: Load, tmp_path: Path, written: str, source: str
) -> None:
    layer = load(settings_text(f"volumes: ['{written}:/d:ro']")).realms["r"].definitions["s"].base
    path = os.path.normpath(tmp_path / source)
    assert layer.values["volumes"] == (
        Mount(type="bind", source=path, target="/d", read_only=True, on_controller=True),
    )


def test_a_missing_source_of_the_controller_is_a_warning(load: Load, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    text = settings_text("image: i\nvolumes:\n  - ./gone:/d\n  - {type: bind, source: ./there, target: /e}")
    assert [str(warning) for warning in load(text).warnings] == [
        "settings.yml:10:13: realms.r.service-definitions.s.volumes[0]: the source is not there"
    ]


def test_origins_name_each_field_and_each_entry(load: Load) -> None:
    text = settings_text("image: i\nenvironment:\n  A: 1\nlabels:\n  - x=y\nports: ['8000-8001:80-81']")
    origins = load(text).realms["r"].definitions["s"].base.origins
    assert {key: (origin.line, origin.column) for key, origin in origins.items()} == {
        ("image",): (8, 9),
        ("environment",): (9, 9),
        ("environment", "A"): (10, 11),
        ("labels",): (11, 9),
        ("labels", "x"): (12, 13),
        ("ports",): (13, 9),
        ("ports", "80/tcp"): (13, 17),
        ("ports", "81/tcp"): (13, 17),
    }


def test_environment_files_are_read_beside_the_settings(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\nB=$SET\nPASSED\nABSENT\n")
    (tmp_path / "b.env").write_text("B='$SET'\n")
    text = settings_text("env_file: [a.env, {path: b.env, format: raw}, {path: gone.env, required: false}]")
    layer = load(text, environ={"SET": "x", "PASSED": "y"}).realms["r"].definitions["s"].base
    assert layer.values["env_file"] == (
        EnvFile(path=str(tmp_path / "a.env"), values={"A": "1", "B": "x", "PASSED": "y"}),
        EnvFile(path=str(tmp_path / "b.env"), values={"B": "'$SET'"}),
    )


def test_the_values_of_an_environment_file_have_their_places(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\n\nB=2\n")
    (file,) = load(settings_text("env_file: a.env")).realms["r"].definitions["s"].base.values["env_file"]
    assert {key: str(origin) for key, origin in file.origins.items()} == {"A": "a.env:1:1", "B": "a.env:3:1"}


def test_a_boolean_of_yaml_1_counts_with_a_warning(load: Load) -> None:
    warnings = load(settings_text("image: i\ninit: yes\nread_only: 'false'")).warnings
    assert [warning.message for warning in warnings] == ["counts as true, as in Compose; write true"]


def test_environment_files_see_what_the_service_sets_and_the_files_above(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=$OWN-$SET\nOWN\n")
    (tmp_path / "b.env").write_text("B=$A!\n")
    text = settings_text("env_file: [a.env, b.env]\nenvironment: {OWN: own, SET: own}")
    files = load(text, environ={"SET": "set"}).realms["r"].definitions["s"].base.values["env_file"]
    assert [file.values for file in files] == [{"A": "own-set"}, {"B": "own-set!"}]


def test_a_key_without_a_value_removes_only_what_lies_below(load: Load) -> None:
    text = settings_text("image: i\nprofiles: {p: {environment: {SET: }, labels: {a: }}}")
    layer = load(text, environ={"SET": "x"}).realms["r"].definitions["s"].profiles["p"].layer
    assert (layer.values["environment"], layer.values["labels"]) == ({"SET": None}, {"a": None})


def test_a_seccomp_profile_is_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "deny.json").write_text('{\n  "defaultAction": "SCMP_ACT_ERRNO"\n}\n')
    layer = load(settings_text("security_opt: [seccomp=./deny.json]")).realms["r"].definitions["s"].base
    assert layer.values["security_opt"] == ('seccomp={"defaultAction":"SCMP_ACT_ERRNO"}',)


@pytest.mark.parametrize("device", ["/dev/nvidia0", "/dev/kfd", "/dev/dri", "/dev/dri/renderD128"])
def test_cards_among_the_devices_are_a_warning(load: Load, device: str) -> None:
    warnings = load(settings_text(f"image: i\ndevices: [{device}]")).warnings
    assert any("hands over cards" in warning.message for warning in warnings)


def test_a_bad_line_of_an_environment_file_is_named_there(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\n'secret'\n")
    problems = refuse(settings_text("env_file: a.env"))
    assert [str(problem) for problem in problems] == [
        "a.env:2:1: realms.r.service-definitions.s.env_file: is not a line of the form KEY=value"
    ]
