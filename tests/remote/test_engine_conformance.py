"""What every engine does: the real one over SSH, and the fake that other rooms' tests use."""

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.model.belongings import ObservedNetwork
from ozwald.model.container import ContainerState
from ozwald.remote.engine import Engine, EventStream, Exec, Limits, LogPiece, LogStream, NameTaken
from ozwald.remote.fleet import Fleet
from tests.fakes.engine import ExecOutcome, FakeContainer, FakeEngine
from tests.lab.standard import IMAGE
from tests.remote.reach import host_of, inventory_of, options_of
from tests.waiting import eventually

SLEEP = {"Image": IMAGE, "Cmd": ["sleep", "300"]}
TALK = {"Image": IMAGE, "Cmd": ["sh", "-c", "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; sleep 300"]}
CRASH_LOOP = {
    "Image": IMAGE,
    "Cmd": ["false"],
    "HostConfig": {"RestartPolicy": {"Name": "always"}, "NetworkMode": "oznet--t"},
}
OURS = {**SLEEP, "Labels": {"ozwald.controller": "c"}}
GONE = "f" * 64


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.lab)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "fake":
        fake = FakeEngine("box1", images=[IMAGE], clock=time.time)
        fake.on_start = _act
        fake.on_exec = _run
        yield fake
        return
    lab = request.getfixturevalue("clean_hosts")
    with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
        yield fleet.connection(host_of(lab, "box1")).engine()


def _act(container: FakeContainer) -> None:
    container.log = _said(container.config)
    if container.config.get("Cmd") == CRASH_LOOP["Cmd"]:
        container.state, container.restart_count = "restarting", 4


def _run(words: Sequence[str], given: bytes) -> ExecOutcome:
    return ExecOutcome(stdout=given) if words == ["cat"] else ExecOutcome(7, b"out\n", b"err\n")


def _said(config: Any) -> bytes:
    return b"one\ntwo\nthree\n" if "echo one" in str(config.get("Cmd")) else b""


def everything(begun: Exec) -> dict[str, bytes]:
    """What a command writes on each stream until its end."""
    found: dict[str, bytes] = {}
    while (piece := begun.read()) is not None:
        found[piece[0]] = found.get(piece[0], b"") + piece[1]
    return found


def waits_long_for_a_restart(state: ContainerState | None) -> bool:
    """The engine waits twice as long each time, 0.1 s at first."""
    return state is not None and state.restarting and state.restart_count >= 4


def pieces_of(stream: LogStream) -> list[LogPiece]:
    """What a log has until its end."""
    found: list[LogPiece] = []
    while pieces := stream.read():
        found.extend(pieces)
    stream.close()
    return found


def refused(call: Callable[[], Any]) -> EngineError:
    with pytest.raises(EngineError) as error:
        call()
    assert error.value.host == "box1"
    return error.value


class TestEngine:
    def test_it_answers(self, engine: Engine) -> None:
        engine.ping()
        assert engine.facts().version
        assert engine.host_name == "box1"

    def test_an_empty_engine_lists_nothing(self, engine: Engine) -> None:
        assert engine.list_containers() == ()

    def test_a_created_container_is_listed_but_does_not_run(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", {**SLEEP, "Labels": {"ozwald.realm": "r"}})

        (found,) = engine.list_containers()
        assert (found.id, found.name, found.image, found.state) == (made, "ozsvc--r--a", IMAGE, "created")
        assert dict(found.labels) == {"ozwald.realm": "r"}
        image = engine.image(IMAGE)
        assert image is not None
        assert (image.id, (image.size_bytes or 0) > 0, image.digest) == (found.image_id, True, None)
        assert abs(found.created_at - time.time()) < 60

    def test_a_name_can_be_taken_once(self, engine: Engine) -> None:
        engine.create("ozsvc--r--a", SLEEP)

        with pytest.raises(NameTaken) as error:
            engine.create("ozsvc--r--a", SLEEP)
        assert (error.value.status, error.value.failure) == (409, Failure.TERMINAL)
        assert len(engine.list_containers()) == 1

    def test_of_many_creations_at_once_one_succeeds(self, engine: Engine) -> None:
        outcomes: list[str] = []

        def create() -> None:
            try:
                outcomes.append(engine.create("ozsvc--r--a", SLEEP))
            except NameTaken:
                outcomes.append("taken")

        threads = [threading.Thread(target=create) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert outcomes.count("taken") == 11
        assert [found.id for found in engine.list_containers()] == [made for made in outcomes if made != "taken"]

    def test_a_missing_image_is_a_404_that_says_what_to_do(self, engine: Engine) -> None:
        error = refused(lambda: engine.create("ozsvc--r--a", {"Image": "no/such:1"}))

        assert (error.status, error.failure) == (404, Failure.TERMINAL)
        assert "no such image no/such:1 on box1: build or pull it there" in error.message
        assert engine.image("no/such:1") is None

    def test_what_a_container_was_made_with_can_be_read_back(self, engine: Engine) -> None:
        limits = {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}, "NanoCpus": 500_000_000}
        made = engine.create("ozsvc--r--a", {**SLEEP, "Env": ["A=1"], "HostConfig": limits})

        [details] = engine.details([made, GONE])

        assert details.id == made
        expected = {"image": f"docker.io/{IMAGE}", "environment.A": "1", "restart": "on-failure:2", "cpus": 0.5}
        assert {key: details.settings[key] for key in expected} == expected
        assert details.settings["command"] == SLEEP["Cmd"]

    def test_many_containers_can_be_read_back_in_order(self, engine: Engine) -> None:
        made = [engine.create(f"ozsvc--r--a{number}", {**SLEEP, "Env": [f"A={number}"]}) for number in range(12)]

        details = engine.details(made)

        assert [one.id for one in details] == made
        assert [one.settings["environment.A"] for one in details] == [str(number) for number in range(12)]

    def test_limits_change_on_the_container_that_is_there(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)

        engine.update(made, Limits(restart="always", mem_limit=64 << 20))

        [details] = engine.details([made])
        assert (details.settings["restart"], details.settings["mem_limit"]) == ("always", 64 << 20)
        assert engine.list_containers()[0].is_running
        assert refused(lambda: engine.update(GONE, Limits(cpus=1.0))).status == 404

    def test_a_registry_that_has_nothing_or_does_not_answer_is_an_error(self, engine: Engine) -> None:
        assert "asking the registry for no/such:1" in refused(lambda: engine.registry_digest("no/such:1")).message

    def test_starting_twice_is_fine(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        engine.start(made)

        state = engine.state(made)
        assert state is not None
        assert (state.running, state.health, state.oom_killed) == (True, None, False)
        assert engine.list_containers()[0].is_running

    def test_stopping_twice_is_fine(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        engine.stop(made, 0.0)
        engine.stop(made, 0.0)

        state = engine.state(made)
        assert state is not None
        assert not state.running
        assert state.exit_code != 0
        assert engine.list_containers()[0].state == "exited"

    def test_removing_twice_is_fine(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.remove(made)
        engine.remove(made)

        assert engine.state(made) is None
        assert engine.list_containers() == ()

    def test_a_running_container_is_removed_only_by_force(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)

        assert refused(lambda: engine.remove(made)).status == 409
        engine.remove(made, force=True)
        assert engine.state(made) is None

    def test_what_is_gone_cannot_be_changed(self, engine: Engine) -> None:
        for change in (
            lambda: engine.start(GONE),
            lambda: engine.stop(GONE),
            lambda: engine.rename(GONE, "ozsvc--r--b"),
            lambda: engine.logs(GONE),
            lambda: engine.follow_logs(GONE),
        ):
            error = refused(change)
            assert (error.status, error.failure) == (404, Failure.TERMINAL)

    def test_a_command_in_a_container_writes_on_two_streams_and_ends_with_its_code(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        begun = engine.begin_exec(made, ["sh", "-c", "echo out; echo err >&2; exit 7"])

        assert sorted(everything(begun).items()) == [("stderr", b"err\n"), ("stdout", b"out\n")]
        assert begun.exit_code() == 7
        assert begun.pid() is None
        begun.close()

    def test_a_command_in_a_container_gets_its_input_and_its_end(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        begun = engine.begin_exec(made, ["cat"])
        content = bytes(range(256)) * 1000
        begun.write(content)
        begun.close_input()

        assert everything(begun) == {"stdout": content}
        assert begun.exit_code() == 0
        begun.close()

    def test_no_command_starts_in_a_container_that_does_not_run(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)

        error = refused(lambda: engine.begin_exec(made, ["true"]))
        assert (error.status, error.failure) == (409, Failure.TERMINAL)
        assert refused(lambda: engine.begin_exec(GONE, ["true"])).status == 404

    def test_a_renamed_container_frees_its_name(self, engine: Engine) -> None:
        old = engine.create("ozsvc--r--a", SLEEP)
        engine.rename(old, "ozsvc--r--a--old")
        new = engine.create("ozsvc--r--a", SLEEP)

        assert {found.id: found.name for found in engine.list_containers()} == {
            old: "ozsvc--r--a--old",
            new: "ozsvc--r--a",
        }
        with pytest.raises(NameTaken):
            engine.rename(old, "ozsvc--r--a")

    def test_between_two_restarts_it_counts_as_running_and_cannot_be_renamed(self, engine: Engine) -> None:
        engine.ensure_network("oznet--t")
        container = engine.create("loop", CRASH_LOOP)
        engine.start(container)
        assert eventually(lambda: waits_long_for_a_restart(engine.state(container)))

        error = refused(lambda: engine.rename(container, "aside"))

        state = engine.state(container)
        assert state is not None
        assert state.running
        assert error.status == 404
        engine.stop(container)
        engine.rename(container, "aside")

    def test_a_network_is_made_once(self, engine: Engine) -> None:
        engine.ensure_network("oznet--r--default", {"ozwald.realm": "r"})
        engine.ensure_network("oznet--r--default", {"ozwald.realm": "r"})

        assert names(engine.networks()).count("oznet--r--default") == 1

    def test_of_many_makers_of_a_network_one_makes_it(self, engine: Engine) -> None:
        makers = [threading.Thread(target=engine.ensure_network, args=("oznet--r--many",)) for _ in range(8)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()

        assert names(engine.networks()).count("oznet--r--many") == 1

    def test_a_container_joins_its_first_network_and_others_later(self, engine: Engine) -> None:
        for name in ("oznet--r--a", "oznet--r--b"):
            engine.ensure_network(name)
        endpoint = {"oznet--r--a": {"Aliases": ["web"]}}
        config = {
            **SLEEP,
            "HostConfig": {"NetworkMode": "oznet--r--a"},
            "NetworkingConfig": {"EndpointsConfig": endpoint},
        }
        made = engine.create("ozsvc--r--a", config)
        engine.connect("oznet--r--b", made, ["web"])
        engine.connect("oznet--r--b", made, ["web"])
        engine.start(made)

        assert engine.list_containers()[0].is_running

    def test_a_network_that_is_not_there_cannot_be_joined(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)

        def join_and_start() -> None:
            engine.connect("oznet--r--none", made)
            engine.start(made)

        assert refused(join_and_start).status == 404

    def test_published_ports_are_listed_while_it_runs(self, engine: Engine) -> None:
        ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18123"}]}
        config = {**SLEEP, "ExposedPorts": {"8000/tcp": {}}, "HostConfig": {"PortBindings": ports}}
        made = engine.create("ozsvc--r--a", config)
        assert all(port.published is None for port in engine.list_containers()[0].ports)
        engine.start(made)

        (port,) = engine.list_containers()[0].ports
        assert (port.target, port.protocol, port.published, port.host_ip) == (8000, "tcp", 18123, "127.0.0.1")

    def test_logs_are_both_streams_in_order(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", TALK)
        engine.start(made)

        assert eventually(lambda: engine.logs(made) == b"one\ntwo\nthree\n")
        assert engine.logs(made, tail=1) == b"three\n"
        assert engine.logs(made, tail=0) == b""
        assert engine.logs(made, head=2) == b"one\ntwo\n"
        assert engine.logs(made, limit_bytes=6) == b"three\n"

    def test_a_log_comes_message_by_message_with_its_moments(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", TALK)
        engine.start(made)
        assert eventually(lambda: len(pieces_of(engine.follow_logs(made, wait=False))) == 3)

        pieces = pieces_of(engine.follow_logs(made, wait=False))
        assert [piece.content for piece in pieces] == [b"one\n", b"two\n", b"three\n"]
        assert sorted(pieces, key=lambda piece: piece.at_ns) == pieces
        assert abs(pieces[0].at_ns / 1e9 - time.time()) < 60
        assert pieces_of(engine.follow_logs(made, tail=1, wait=False)) == pieces[2:]
        assert pieces_of(engine.follow_logs(made, since_ns=pieces[1].at_ns, wait=False)) == pieces[1:]
        assert pieces_of(engine.follow_logs(made, since_ns=pieces[2].at_ns + 1, wait=False)) == []

    def test_a_followed_log_waits_for_more_and_ends_with_the_container(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", TALK)
        engine.start(made)
        ended: list[LogPiece] = []
        follower = threading.Thread(target=lambda: ended.extend(pieces_of(engine.follow_logs(made))))
        follower.start()

        follower.join(0.3)
        assert follower.is_alive()
        engine.stop(made, 0.0)
        follower.join(10)
        assert [piece.content for piece in ended] == [b"one\n", b"two\n", b"three\n"]

    def test_a_followed_log_ends_when_the_container_is_removed(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        stream = engine.follow_logs(made)
        engine.remove(made, force=True)

        assert pieces_of(stream) == []

    def test_a_followed_log_is_closed_while_it_waits(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        engine.start(made)
        stream = engine.follow_logs(made)
        read: list[object] = []
        reader = threading.Thread(target=lambda: read.append(list(stream.read())))
        reader.start()

        reader.join(0.1)
        assert reader.is_alive()
        stream.close()
        reader.join(5)
        assert read == [[]]

    def test_a_container_says_when_it_was_started_anew(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        seen = []
        for _ in range(2):
            engine.start(made)
            engine.stop(made, 0.0)
            state = engine.state(made)
            assert state is not None
            seen.append(state.started_at)

        assert seen[0] != seen[1]

    def test_a_container_has_a_first_process_while_it_runs(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)
        found = []
        for act in (engine.start, lambda container_id: engine.stop(container_id, 0.0)):
            act(made)
            state = engine.state(made)
            assert state is not None
            found.append(state.pid)

        assert (found[0] or 0) > 1
        assert found[1] is None

    def test_a_container_that_never_ran_has_no_logs(self, engine: Engine) -> None:
        assert engine.logs(engine.create("ozsvc--r--a", SLEEP)) == b""

    def test_a_healthcheck_begins_by_starting(self, engine: Engine) -> None:
        check = {"Test": ["CMD", "true"], "Interval": 60_000_000_000}
        made = engine.create("ozsvc--r--a", {**SLEEP, "Healthcheck": check})
        engine.start(made)

        state = engine.state(made)
        assert state is not None
        assert state.health == "starting"

    def test_a_volume_is_made_once_and_removed_once(self, engine: Engine) -> None:
        engine.ensure_volume("ozvol--r--data", {"ozwald.realm": "r"})
        engine.ensure_volume("ozvol--r--data", {"ozwald.realm": "r"})
        (made,) = engine.volumes()
        assert (made.name, dict(made.labels)) == ("ozvol--r--data", {"ozwald.realm": "r"})
        assert made.created_at is not None
        assert abs(made.created_at - time.time()) < 60

        engine.remove_volume("ozvol--r--data")
        engine.remove_volume("ozvol--r--data")
        assert engine.volumes() == ()

    def test_a_volume_that_a_container_mounts_is_made_with_it_and_stays_as_long(self, engine: Engine) -> None:
        labels = {"ozwald.realm": "r"}
        made = engine.create("ozsvc--r--a", {**SLEEP, "HostConfig": {"Mounts": [mount("models", labels)]}})

        assert [(one.name, dict(one.labels)) for one in engine.volumes()] == [("models", labels)]
        assert engine.list_containers()[0].volumes == ("models",)
        assert refused(lambda: engine.remove_volume("models")).status == 409
        engine.remove(made)
        engine.remove_volume("models")
        assert engine.volumes() == ()

    def test_what_a_volume_holds_is_measured(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", {**SLEEP, "HostConfig": {"Mounts": [mount("models", {})]}})
        before = engine.volume_sizes()["models"]
        engine.put_archive(made, "/mounted", [archive("weights", bytes(50_000))])

        assert engine.volume_sizes()["models"] >= before + 50_000

    def test_a_network_is_listed_with_its_labels_and_removed_once(self, engine: Engine) -> None:
        engine.ensure_network("oznet--r--a", {"ozwald.realm": "r"})
        (network,) = [one for one in engine.networks() if one.name == "oznet--r--a"]
        assert dict(network.labels) == {"ozwald.realm": "r"}

        engine.remove_network(network.id)
        engine.remove_network(network.id)
        assert "oznet--r--a" not in names(engine.networks())

    def test_a_network_that_a_container_would_use_is_listed_with_it(self, engine: Engine) -> None:
        engine.ensure_network("oznet--r--a")
        engine.create("ozsvc--r--a", {**SLEEP, "HostConfig": {"NetworkMode": "oznet--r--a"}})

        assert engine.list_containers()[0].networks == ("oznet--r--a",)

    def test_a_network_with_a_running_container_is_not_removed(self, engine: Engine) -> None:
        engine.ensure_network("oznet--r--a")
        engine.start(engine.create("ozsvc--r--a", {**SLEEP, "HostConfig": {"NetworkMode": "oznet--r--a"}}))
        (network,) = [one for one in engine.networks() if one.name == "oznet--r--a"]

        assert refused(lambda: engine.remove_network(network.id)).failure is Failure.TERMINAL

    def test_files_can_be_put_into_a_container_that_does_not_run(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", {"Image": IMAGE, "Cmd": ["cat", "/etc/greeting"]})
        engine.put_archive(made, "/etc", iter([archive("greeting", b"hello\n")]))
        engine.start(made)

        if not isinstance(engine, FakeEngine):
            assert eventually(lambda: engine.logs(made) == b"hello\n")

    def test_activity_of_a_container_that_does_not_run_is_zero(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", SLEEP)

        assert engine.activity(made) == engine.activity(GONE)
        engine.start(made)
        assert engine.activity(made).cpu_s >= 0


class TestEvents:
    def test_what_happens_to_our_containers_is_told_in_order(self, engine: Engine) -> None:
        stream = engine.events()
        stranger = engine.create("theirs", SLEEP)
        engine.start(stranger)
        made = engine.create("ozsvc--r--a", OURS)
        engine.start(made)
        engine.stop(made, 0)
        engine.remove(made)

        assert told(stream, 3) == [(made, "start"), (made, "die"), (made, "destroy")]
        stream.close()

    def test_a_stream_is_closed_while_it_waits(self, engine: Engine) -> None:
        stream = engine.events()
        ended: list[int] = []
        reader = threading.Thread(target=lambda: ended.append(len(stream.read())))
        reader.start()

        stream.close()

        reader.join(10)
        assert ended == [0]

    def test_what_happened_before_is_not_told(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", OURS)
        engine.start(made)
        stream = engine.events()
        engine.remove(made, force=True)

        assert told(stream, 1)[0][1] in ("die", "destroy")
        stream.close()


def told(stream: EventStream, count: int) -> list[tuple[str, str]]:
    """The first events of a stream."""
    found: list[tuple[str, str]] = []
    while len(found) < count and (events := stream.read()):
        found += [(event.container_id, event.action) for event in events]
    return found


def names(networks: Sequence[ObservedNetwork]) -> list[str]:
    return [network.name for network in networks]


def mount(volume: str, labels: dict[str, str]) -> dict[str, object]:
    return {"Type": "volume", "Source": volume, "Target": "/mounted", "VolumeOptions": {"Labels": labels}}


def archive(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.lab
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
class TestRealEngine:
    def test_environment_arrives_byte_for_byte(self, engine: Engine) -> None:
        value = "grüße 🙂 'single' \"double\" $HOME `id` \\ \t|\n second line "
        made = engine.create(
            "ozsvc--r--a", {"Image": IMAGE, "Env": [f"V={value}"], "Cmd": ["sh", "-c", 'printf %s "$V"']}
        )
        engine.start(made)

        assert eventually(lambda: engine.logs(made) == value.encode())

    def test_the_exit_code_is_told(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", {"Image": IMAGE, "Cmd": ["sh", "-c", "exit 7"]})
        engine.start(made)

        def exited() -> bool:
            state = engine.state(made)
            return state is not None and not state.running and state.exit_code == 7

        assert eventually(exited)

    @pytest.mark.parametrize("tty", [False, True])
    def test_a_long_line_has_no_moments_in_its_middle(self, engine: Engine, tty: bool) -> None:
        script = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo err >&2"
        made = engine.create("ozsvc--r--a", {"Image": IMAGE, "Cmd": ["sh", "-c", script], "Tty": tty})
        engine.start(made)
        assert eventually(lambda: b"err" in engine.logs(made))

        written: dict[str, bytes] = {}
        for piece in pieces_of(engine.follow_logs(made)):
            written[piece.stream] = written.get(piece.stream, b"") + piece.content
        line = b"x" * 40000
        assert written == ({"stdout": line + b"\r\nerr\r\n"} if tty else {"stdout": line + b"\n", "stderr": b"err\n"})

    def test_a_command_that_is_not_there_is_explained(self, engine: Engine) -> None:
        made = engine.create("ozsvc--r--a", {"Image": IMAGE, "Cmd": ["/no/such"]})

        error = refused(lambda: engine.start(made))
        assert error.failure is Failure.TERMINAL
        assert "/no/such" in error.message

    def test_a_taken_port_is_explained(self, engine: Engine) -> None:
        ports = {"80/tcp": [{"HostPort": "18124"}]}
        config = {**SLEEP, "ExposedPorts": {"80/tcp": {}}, "HostConfig": {"PortBindings": ports}}
        engine.start(engine.create("ozsvc--r--a", config))

        error = refused(lambda: engine.start(engine.create("ozsvc--r--b", config)))
        assert "port is already allocated" in error.message

    def test_a_pull_from_nowhere_fails_in_time(self, engine: Engine) -> None:
        started = time.monotonic()
        error = refused(lambda: engine.pull("127.0.0.1:1/none:1"))

        assert time.monotonic() - started < 20
        assert "pulling image 127.0.0.1:1/none:1" in error.message

    def test_a_container_list_waits_for_no_acknowledgement(self, engine: Engine) -> None:
        """Without the socket's options each call takes 43 ms, however idle the machine."""
        times = []
        for _ in range(50):
            started = time.perf_counter()
            engine.list_containers()
            times.append(time.perf_counter() - started)

        assert min(times) < 0.02
