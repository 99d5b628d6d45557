"""The data folder: where it is, who we are, and one process at a time for each host."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.state.home import DataFolder
from ozwald.state.locks import Busy

HOLD = """
import sys
from pathlib import Path
from ozwald.state.home import DataFolder
with DataFolder(Path(sys.argv[1])).changing(sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "home")


@pytest.mark.parametrize(
    ("environ", "platform", "path"),
    [
        ({"OZWALD_HOME": "/srv/ozwald", "XDG_STATE_HOME": "/x"}, "linux", "/srv/ozwald"),
        ({"OZWALD_HOME": "/srv/ozwald"}, "darwin", "/srv/ozwald"),
        ({"OZWALD_HOME": "~/oz"}, "linux", "HOME/oz"),
        ({"OZWALD_HOME": "oz"}, "linux", "CWD/oz"),
        ({"XDG_STATE_HOME": "/x"}, "linux", "/x/ozwald"),
        ({"XDG_STATE_HOME": ""}, "linux", "HOME/.local/state/ozwald"),
        ({}, "linux", "HOME/.local/state/ozwald"),
        ({"OZWALD_HOME": ""}, "linux", "HOME/.local/state/ozwald"),
        ({"XDG_STATE_HOME": "/x"}, "darwin", "HOME/Library/Application Support/ozwald"),
    ],
)
def test_the_folder_is_where_the_environment_and_the_platform_say(
    environ: dict[str, str], platform: str, path: str
) -> None:
    expected = Path(path.replace("HOME", str(Path.home())).replace("CWD", str(Path.cwd())))

    assert DataFolder.from_environment(environ, platform=platform).path == expected


def test_folders_are_made_for_the_owner_only(home: DataFolder) -> None:
    made = home.folder("wanted")

    assert [stat.S_IMODE(path.stat().st_mode) for path in (home.path, made)] == [0o700, 0o700]


def test_a_folder_that_cannot_be_made_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StateError, match="set OZWALD_HOME"):
        DataFolder(tmp_path / "file" / "home").folder()


class TestIdentity:
    def test_it_is_made_by_the_first_to_change_something_and_stays(self, home: DataFolder) -> None:
        with home.changing(["box1"]):
            identity = home.controller_id(), home.fingerprint_key()

        with home.changing(["box1"]):
            assert (home.controller_id(), home.fingerprint_key()) == identity
        assert home.controller_id() == DataFolder(home.path).controller_id()
        assert home.fingerprint_key() == DataFolder(home.path).fingerprint_key()

    def test_two_folders_are_two_controllers(self, tmp_path: Path) -> None:
        one, other = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "other")
        with one.changing(["box1"]), other.changing(["box1"]):
            pass

        assert one.controller_id() != other.controller_id()
        assert one.fingerprint_key() != other.fingerprint_key()

    def test_who_only_reads_writes_nothing_and_owns_nothing(self, home: DataFolder) -> None:
        assert home.controller_id() != home.controller_id()
        assert home.fingerprint_key() != home.fingerprint_key()
        assert not home.path.exists()

    def test_the_key_is_for_the_owner_only(self, home: DataFolder) -> None:
        with home.changing(["box1"]):
            pass

        assert stat.S_IMODE((home.path / "fingerprint-key").stat().st_mode) == 0o600

    @pytest.mark.parametrize("content", ["", "\n", "  "])
    def test_an_empty_identity_is_told_and_not_made_anew(self, home: DataFolder, content: str) -> None:
        (home.folder() / "controller-id").write_text(content)

        with pytest.raises(StateError, match="restore it, or delete it to start over"):
            home.controller_id()
        with home.changing(["box1"]):
            assert (home.path / "controller-id").read_text() == content

    @pytest.mark.parametrize("content", ["nonsense", "abc", "00" * 31, "é"])
    def test_a_damaged_key_is_told(self, home: DataFolder, content: str) -> None:
        (home.folder() / "fingerprint-key").write_text(content)

        with pytest.raises(StateError, match="fingerprint-key is damaged"):
            home.fingerprint_key()


@contextmanager
def another_process(home: DataFolder, *hosts: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the locks of these hosts until its input ends."""
    command = [sys.executable, "-c", HOLD, str(home.path), *hosts]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        if holder.poll() is None:
            holder.communicate()


class TestLocks:
    def test_one_process_at_a_time_changes_a_host_and_others_are_told_who(self, home: DataFolder) -> None:
        with another_process(home, "box1", "box2") as holder, pytest.raises(Busy) as busy:
            home.changing(["box3", "box2"]).__enter__()
        assert str(busy.value).startswith(f"box2 is being changed by another ozwald (process {holder.pid})")

        with home.changing(["box2"]):
            pass

    def test_other_hosts_can_be_changed_at_the_same_time(self, home: DataFolder) -> None:
        with another_process(home, "box1"), home.changing(["box2"]):
            pass

    def test_a_refused_process_keeps_no_lock(self, home: DataFolder) -> None:
        with another_process(home, "box2"), pytest.raises(Busy):
            home.changing(["box1", "box2"]).__enter__()

        with another_process(home, "box1"):
            pass

    def test_who_waits_gets_the_lock_when_it_is_let_go(self, home: DataFolder) -> None:
        told: list[str] = []
        with another_process(home, "box1") as holder:

            def let_go(text: str) -> None:
                told.append(text)
                holder.communicate()

            with home.changing(["box1"], wait_s=30.0, on_wait=let_go):
                assert holder.returncode == 0
        assert told == [f"box1 is being changed by another ozwald (process {holder.pid}); waiting for it"]

    def test_who_has_waited_long_enough_is_told_so(self, home: DataFolder) -> None:
        with another_process(home, "box1"), pytest.raises(Busy, match="--wait SECONDS"):
            home.changing(["box1"], wait_s=0.1).__enter__()

    def test_locks_are_taken_in_one_order_whatever_is_asked_for(self, home: DataFolder) -> None:
        """With the first of two held, nobody can be waiting for it while holding the second."""
        with another_process(home, "box1"), pytest.raises(Busy), home.changing(["box2", "box1"]):
            pass
        assert [path.name for path in (home.path / "locks").iterdir()] == ["box1.lock"]

    def test_a_killed_holder_holds_it_no_more(self, home: DataFolder) -> None:
        with another_process(home, "box1") as holder:
            holder.kill()
            holder.wait()

            with home.changing(["box1"]):
                pass

    def test_it_is_given_back_when_the_change_fails(self, home: DataFolder) -> None:
        with pytest.raises(KeyError), home.changing(["box1"]):
            raise KeyError

        with home.changing(["box1"]):
            pass

    def test_a_lock_that_cannot_be_opened_is_told(self, home: DataFolder) -> None:
        (home.folder("locks") / "box1.lock").mkdir()

        with pytest.raises(StateError, match=r"cannot open the lock .*box1\.lock"):
            home.changing(["box1"]).__enter__()

    @pytest.mark.parametrize("name", ["..", "a/b", "ü" * 100, "[::1]"])
    def test_a_host_may_be_called_anything(self, home: DataFolder, name: str) -> None:
        with home.changing([name]):
            assert len(list((home.path / "locks").iterdir())) == 1
