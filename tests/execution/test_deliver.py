"""Data of the controller arrives whole, once, whatever is killed or comes at the same time."""

import io
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.execution.health import Patience
from ozwald.execution.steps import Result
from ozwald.model.belongings import ObservedVolume
from ozwald.model.container import LABEL_CONTROLLER
from ozwald.model.data import LABEL_DATA, data_volume, filler_name, lock_name
from ozwald.model.plan import Action, Plan
from ozwald.model.service import Mount
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import make_plan
from ozwald.state.data_files import content_of
from tests.builders import CONTROLLER, KEY, OTHER_CONTROLLER, definition, realms, wanted
from tests.execution.fleet import NAME, Fleet, Known, service


class Sending(Fleet):
    """A fleet whose plans read the controller's files."""

    def plan(self, want: WantedSet | str, known: Known) -> Plan:
        seen = replace(self.seen(), content_of=content_of)
        return make_plan(wanted(want) if isinstance(want, str) else want, known, seen, key=KEY)

    @property
    def tree(self) -> dict[str, list[list[str]]]:
        """The data volumes with the names in each archive that was unpacked into them."""
        return {name: [names(one) for one in volume.received] for name, volume in self.box.stored.items()}

    @property
    def containers(self) -> list[str]:
        return sorted(container.name for container in self.box.containers.values())


def names(received: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(received)) as tar:
        return tar.getnames()


@pytest.fixture
def fleet() -> Sending:
    return Sending({"box1": Fleet.of("box1").box})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "a.conf").write_text("a = 1\n")
    return tmp_path / "config"


@pytest.fixture
def known(folder: Path) -> Known:
    return mounting(folder)


def mounting(source: Path, *, target: str = "/config", read_only: bool = True) -> Known:
    mount = Mount(type="bind", source=str(source), target=target, read_only=read_only, on_controller=True)
    return service(volumes=(mount,), restart="no")


def volume_of(source: Path) -> str:
    return data_volume("default", content_of(str(source)).digest)


def actions(fleet: Sending, known: Known) -> list[Action]:
    return [operation.action for operation in fleet.plan("llm", known).operations]


class TestFolder:
    def test_it_is_in_its_volume_before_the_container_starts(self, fleet: Sending, known: Known, folder: Path) -> None:
        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.tree == {volume_of(folder): [[".", "a.conf"]]}
        assert fleet.containers == [NAME]
        order = [method for method, _ in fleet.box.calls if method in ("put_archive", "start")]
        assert order == ["put_archive", "start"]

    def test_the_container_mounts_it_as_the_settings_say(self, fleet: Sending, known: Known, folder: Path) -> None:
        fleet.apply("llm", known)

        assert fleet.box.named(NAME).config["HostConfig"]["Mounts"] == [
            {
                "Type": "volume",
                "Source": volume_of(folder),
                "Target": "/config",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            }
        ]

    def test_the_volume_says_whose_it_is_and_what_it_holds(self, fleet: Sending, known: Known, folder: Path) -> None:
        fleet.apply("llm", known)

        content = content_of(str(folder))
        assert fleet.box.stored[volume_of(folder)].labels == {
            "ozwald.controller": CONTROLLER,
            "ozwald.realm": "default",
            "ozwald.data": content.digest,
            "ozwald.bytes": "6",
        }

    def test_what_did_not_change_is_neither_sent_nor_replaced(self, fleet: Sending, known: Known) -> None:
        fleet.apply("llm", known)
        fleet.box.archives.clear()

        assert actions(fleet, known) == [Action.KEEP]
        fleet.apply("llm", known)
        assert fleet.box.archives == []

    def test_a_changed_file_replaces_the_container(self, fleet: Sending, known: Known, folder: Path) -> None:
        fleet.apply("llm", known)
        (folder / "a.conf").write_text("a = 2\n")

        assert actions(fleet, known) == [Action.REPLACE]
        [result] = fleet.apply("llm", known)
        assert result.is_done, result.error
        assert [mount["Source"] for mount in fleet.box.named(NAME).config["HostConfig"]["Mounts"]] == [
            volume_of(folder)
        ]

    def test_another_change_goes_on_with_what_is_there(self, fleet: Sending, known: Known, folder: Path) -> None:
        fleet.apply("llm", known)
        fleet.box.archives.clear()

        fleet.apply("llm", service(image="llm:2", volumes=known["default"].definitions["llm"].base.values["volumes"]))

        assert fleet.box.named(NAME).image_id == "sha256:llm:2"
        assert fleet.box.archives == []

    def test_many_that_want_it_at_once_send_it_once(self, fleet: Sending, folder: Path) -> None:
        mount = Mount(type="bind", source=str(folder), target="/config", read_only=True, on_controller=True)
        services = [definition(name, base={"image": "llm:1", "volumes": (mount,)}) for name in ("a", "b", "c", "d")]

        results = fleet.apply(wanted("a", "b", "c", "d"), realms(*services))

        assert all(result.is_done for result in results)
        assert len(fleet.box.archives) == 1

    def test_what_may_be_written_is_sent_for_each(self, fleet: Sending, folder: Path) -> None:
        mount = Mount(type="bind", source=str(folder), target="/config", on_controller=True)
        services = [definition(name, base={"image": "llm:1", "volumes": (mount,)}) for name in ("a", "b")]

        fleet.apply(wanted("a", "b"), realms(*services))

        assert sorted(fleet.box.stored) == [f"{volume_of(folder)}--a", f"{volume_of(folder)}--b"]

    def test_a_source_that_is_not_there_stops_nothing(self, fleet: Sending, known: Known, tmp_path: Path) -> None:
        fleet.apply("llm", known)

        [result] = fleet.apply("llm", mounting(tmp_path / "none"))

        assert result.error == f"cannot read {tmp_path}/none: No such file or directory"
        assert fleet.box.named(NAME).state == "running"


class TestFile:
    def test_it_is_copied_before_the_start(self, fleet: Sending, folder: Path) -> None:
        [result] = fleet.apply("llm", mounting(folder / "a.conf", target="/etc/app/a.conf"))

        assert result.is_done, result.error
        [(container, path, received)] = fleet.box.archives
        assert (container, path, names(received)) == (fleet.box.named(NAME).id, "/", ["etc/app/a.conf"])
        assert "Mounts" not in fleet.box.named(NAME).config["HostConfig"]
        assert fleet.box.stored == {}

    def test_a_container_that_was_created_but_not_started_gets_it_again(self, fleet: Sending, folder: Path) -> None:
        known = mounting(folder / "a.conf", target="/etc/a.conf")
        fleet.box.fail("put_archive")
        fleet.apply("llm", known)
        assert fleet.box.named(NAME).state == "created"
        fleet.box.archives.clear()

        assert actions(fleet, known) == [Action.START]
        fleet.apply("llm", known)

        assert [names(received) for _, _, received in fleet.box.archives] == [["etc/a.conf"]]
        assert fleet.box.named(NAME).state == "running"

    def test_the_plan_says_which_file_changed(self, fleet: Sending, folder: Path) -> None:
        known = mounting(folder / "a.conf", target="/etc/a.conf")
        fleet.apply("llm", known)
        (folder / "a.conf").write_text("a = 2\n")
        container = fleet.box.named(NAME).id

        [looked] = fleet.box.details([container])
        seen = replace(fleet.seen(), content_of=content_of, details={(fleet.box.host_name, container): looked})
        [operation] = make_plan(wanted("llm"), known, seen, key=KEY).operations

        assert operation.reason == "volumes./etc/a.conf changed"

    def test_a_running_container_keeps_its_own(self, fleet: Sending, folder: Path) -> None:
        known = mounting(folder / "a.conf", target="/etc/a.conf")
        fleet.apply("llm", known)
        fleet.box.archives.clear()
        fleet.box.named(NAME).health = "unhealthy"

        assert actions(fleet, known) == [Action.START]
        fleet.apply("llm", known)

        assert fleet.box.archives == []


class TestKilled:
    """A failed call stands for a kill: what follows it does not happen, and its effect may or may not."""

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("method", ["create", "ensure_volume", "put_archive", "remove"])
    def test_the_next_apply_fills_it_whole(
        self, fleet: Sending, known: Known, folder: Path, method: str, after: bool
    ) -> None:
        dead = EngineError("box1", "cut", failure=Failure.UNKNOWN)
        fleet.box.fail(method, dead, after=after)
        for cleaning in ("remove_volume", "remove"):
            fleet.box.fail(cleaning, dead, times=2)
        [cut] = fleet.apply("llm", known)
        fleet.box._faults.clear()

        [result] = fleet.apply("llm", known)

        assert not cut.is_done
        assert result.is_done, result.error
        assert fleet.tree[volume_of(folder)][-1] == [".", "a.conf"]
        assert fleet.containers == [NAME]

    @pytest.mark.parametrize("left", [1, 2, 3], ids=["a lock", "a lock and a volume", "all three"])
    def test_what_a_kill_left_is_removed_with_the_volume(
        self, fleet: Sending, known: Known, folder: Path, left: int
    ) -> None:
        leave(fleet, volume_of(folder), things=left, digest=content_of(str(folder)).digest)

        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.tree == {volume_of(folder): [[".", "a.conf"]]}
        assert fleet.containers == [NAME]

    def test_an_interrupt_while_it_is_sent_leaves_nothing(self, fleet: Sending, tmp_path: Path) -> None:
        (tmp_path / "big").mkdir()
        (tmp_path / "big" / "weights").write_bytes(bytes(2_000_000))
        stop = threading.Event()
        fleet.steps = Watched(stop)

        [result] = fleet.apply("llm", mounting(tmp_path / "big"), stop=stop)

        assert result.error.startswith("interrupted")
        assert (fleet.containers, fleet.box.stored) == ([], {})

    def test_a_source_that_changed_since_the_plan_leaves_nothing(
        self, fleet: Sending, known: Known, folder: Path
    ) -> None:
        plan = fleet.plan("llm", known)
        (folder / "a.conf").write_text("a = 2\n")

        [result] = fleet.carry_out(plan)

        assert result.error == f"{folder} was changed while it was read; apply again when it is at rest"
        assert (fleet.containers, fleet.box.stored) == ([], {})


class TestOthers:
    def test_a_volume_that_another_controller_sent_whole_is_read(
        self, fleet: Sending, known: Known, folder: Path
    ) -> None:
        digest = content_of(str(folder)).digest
        fleet.box.ensure_volume(volume_of(folder), {LABEL_CONTROLLER: OTHER_CONTROLLER, LABEL_DATA: digest})

        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.box.archives == []

    def test_a_copy_that_another_controllers_instance_writes_is_not_touched(self, fleet: Sending, folder: Path) -> None:
        digest = content_of(str(folder)).digest
        own = data_volume("default", digest, "llm")
        fleet.box.ensure_volume(own, {LABEL_CONTROLLER: OTHER_CONTROLLER, LABEL_DATA: digest})

        [result] = fleet.apply("llm", mounting(folder, read_only=False))

        assert f"the volume {own} on box1 belongs to another controller (decaf); remove it" in result.error
        assert fleet.containers == []

    def test_an_instance_goes_on_with_the_copy_it_has_whoever_made_it(self, fleet: Sending, folder: Path) -> None:
        known = mounting(folder, read_only=False)
        fleet.apply("llm", known)
        own = fleet.box.stored[f"{volume_of(folder)}--llm"]
        own.labels = {**own.labels, LABEL_CONTROLLER: OTHER_CONTROLLER}
        fleet.box.archives.clear()

        [result] = fleet.apply(
            "llm", service(image="llm:2", volumes=known["default"].definitions["llm"].base.values["volumes"])
        )

        assert result.is_done, result.error
        assert fleet.box.archives == []

    def test_a_volume_of_that_name_without_our_label_is_not_touched(
        self, fleet: Sending, known: Known, folder: Path
    ) -> None:
        fleet.box.ensure_volume(volume_of(folder), {})

        [result] = fleet.apply("llm", known)

        assert "was not made for this data" in result.error
        assert fleet.box.archives == []

    def test_another_controller_that_is_sending_it_is_waited_for(
        self, fleet: Sending, known: Known, folder: Path
    ) -> None:
        volume = volume_of(folder)
        leave(fleet, volume, things=2, controller=OTHER_CONTROLLER, digest=content_of(str(folder)).digest)
        fleet.steps = WhenWaiting(lambda: fleet.box.remove(fleet.box.named(lock_name(volume)).id))

        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.box.archives == []

    def test_one_that_gives_up_between_two_looks_leaves_nothing_that_counts(
        self, fleet: Sending, known: Known, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        volume, look = volume_of(folder), fleet.box.volumes
        leave(fleet, volume, things=2, controller=OTHER_CONTROLLER, digest=content_of(str(folder)).digest)

        def look_and_give_up() -> tuple[ObservedVolume, ...]:
            found = look()
            monkeypatch.undo()
            fleet.box.remove_volume(volume)
            fleet.box.remove(fleet.box.named(lock_name(volume)).id)
            return found

        monkeypatch.setattr(fleet.box, "volumes", look_and_give_up)
        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.tree == {volume: [[".", "a.conf"]]}

    def test_our_own_lock_does_not_cost_another_controllers_volume(
        self, fleet: Sending, known: Known, folder: Path
    ) -> None:
        digest = content_of(str(folder)).digest
        leave(fleet, volume_of(folder), things=1)
        fleet.box.ensure_volume(volume_of(folder), {LABEL_CONTROLLER: OTHER_CONTROLLER, LABEL_DATA: digest})

        [result] = fleet.apply("llm", known)

        assert result.is_done, result.error
        assert fleet.box.archives == []
        assert fleet.containers == [NAME]

    def test_one_that_does_not_get_done_with_it_is_named(self, fleet: Sending, known: Known, folder: Path) -> None:
        leave(fleet, volume_of(folder), things=1, controller=OTHER_CONTROLLER)

        [result] = fleet.apply("llm", known, patience=Patience(stall_s=0.0))

        assert "another controller (decaf) has been sending the same data to box1 for long" in result.error
        assert fleet.containers == [lock_name(volume_of(folder))]

    def test_many_controllers_at_once_send_it_once(self, fleet: Sending, known: Known, folder: Path) -> None:
        plans = {name: fleet.plan(name, renamed(known, name)) for name in ("a", "b", "c", "d")}
        results: list[Result] = []
        threads = [
            threading.Thread(target=lambda plan=plan: results.extend(fleet.carry_out(plan))) for plan in plans.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [result.error for result in results] == [""] * 4
        assert fleet.tree[volume_of(folder)][-1] == [".", "a.conf"]


class Watched(list):  # type: ignore[type-arg]
    """Steps that ask to stop as soon as something was sent."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def append(self, step: object) -> None:
        super().append(step)
        if "sending big: " in str(step):
            self._stop.set()


class WhenWaiting(list):  # type: ignore[type-arg]
    """Steps that let something happen when another controller is waited for."""

    def __init__(self, happens: object) -> None:
        self._happens = happens

    def append(self, step: object) -> None:
        super().append(step)
        if "waiting for another controller" in str(step):
            self._happens()  # type: ignore[operator]


def leave(fleet: Sending, volume: str, *, things: int, controller: str = CONTROLLER, digest: str = "") -> None:
    """What a kill leaves: the lock, the volume with a part of its content, the container it is filled through."""
    labels = {LABEL_CONTROLLER: controller, LABEL_DATA: digest}
    config = {"Image": "llm:1", "Labels": labels}
    fleet.box.create(lock_name(volume), config)
    if things > 1:
        fleet.box.ensure_volume(volume, labels)
    if things > 2:
        mount = {"Type": "volume", "Source": volume, "Target": "/ozwald-data"}
        fleet.box.create(filler_name(volume), {**config, "HostConfig": {"Mounts": [mount]}})
    fleet.box.archives.clear()


def renamed(known: Known, name: str) -> Known:
    return realms(definition(name, base=known["default"].definitions["llm"].base.values))
