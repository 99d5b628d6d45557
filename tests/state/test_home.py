"""The data folder: where it is, who we are, and one process at a time."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.state.home import DataFolder

HOLD = """
import sys
from pathlib import Path
from ozwald.state.home import DataFolder
with DataFolder(Path(sys.argv[1])).changing():
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
        with home.changing():
            identity = home.controller_id(), home.fingerprint_key()

        with home.changing():
            assert (home.controller_id(), home.fingerprint_key()) == identity
        assert home.controller_id() == DataFolder(home.path).controller_id()
        assert home.fingerprint_key() == DataFolder(home.path).fingerprint_key()

    def test_two_folders_are_two_controllers(self, tmp_path: Path) -> None:
        one, other = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "other")
        with one.changing(), other.changing():
            pass

        assert one.controller_id() != other.controller_id()
        assert one.fingerprint_key() != other.fingerprint_key()

    def test_who_only_reads_writes_nothing_and_owns_nothing(self, home: DataFolder) -> None:
        assert home.controller_id() != home.controller_id()
        assert home.fingerprint_key() != home.fingerprint_key()
        assert not home.path.exists()

    def test_the_key_is_for_the_owner_only(self, home: DataFolder) -> None:
        with home.changing():
            pass

        assert stat.S_IMODE((home.path / "fingerprint-key").stat().st_mode) == 0o600

    @pytest.mark.parametrize("content", ["", "\n", "  "])
    def test_an_empty_identity_is_told_and_not_made_anew(self, home: DataFolder, content: str) -> None:
        (home.folder() / "controller-id").write_text(content)

        with pytest.raises(StateError, match="restore it, or delete it to start over"):
            home.controller_id()
        with home.changing():
            assert (home.path / "controller-id").read_text() == content

    @pytest.mark.parametrize("content", ["nonsense", "abc", "00" * 31, "é"])
    def test_a_damaged_key_is_told(self, home: DataFolder, content: str) -> None:
        (home.folder() / "fingerprint-key").write_text(content)

        with pytest.raises(StateError, match="fingerprint-key is damaged"):
            home.fingerprint_key()


class TestLock:
    def test_one_process_at_a_time_changes_what_runs(self, home: DataFolder) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"

            with pytest.raises(StateError, match=rf"another ozwald \(process {holder.pid}\) is changing services"):
                home.changing().__enter__()

            holder.communicate()

        with home.changing():
            pass

    def test_a_killed_holder_holds_it_no_more(self, home: DataFolder) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            holder.kill()

        with home.changing():
            pass

    def test_it_is_given_back_when_the_change_fails(self, home: DataFolder) -> None:
        with pytest.raises(KeyError), home.changing():
            raise KeyError

        with home.changing():
            pass

    def test_a_lock_that_cannot_be_opened_is_told(self, home: DataFolder) -> None:
        (home.folder() / "lock").mkdir()

        with pytest.raises(StateError, match="lock"):
            home.changing().__enter__()
