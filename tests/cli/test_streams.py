"""The command survives streams that are closed, full or narrow, as a whole process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = 'realms: {default: {service-definitions: [{name: web, image: "web:1", description: "Grüße \\u009b31m"}]}}\n'


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a shell line in which `$OZWALD` is the command."""
    (folder / "settings.yml").write_text(SETTINGS)
    known = os.environ | {"PYTHONPATH": str(ROOT), "OZWALD": f"{sys.executable} -m ozwald"} | environment
    return subprocess.run(["sh", "-c", line], cwd=folder, env=known, capture_output=True, check=False)


@pytest.mark.parametrize("line", ["$OZWALD list_configured_services >&-", "$OZWALD list_configured_services 2>&-"])
def test_a_closed_stream_is_no_traceback(tmp_path: Path, line: str) -> None:
    ran = shell(tmp_path, line)

    assert ran.returncode == 0
    assert b"Traceback" not in ran.stderr


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    ran = shell(tmp_path, "$OZWALD list_configured_services >/dev/full")

    assert ran.returncode == 1
    assert ran.stderr.count(b"\n") == 1


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    assert shell(tmp_path, "$OZWALD list_configured_services | true").stderr == b""


def test_characters_that_a_stream_cannot_show_become_escapes(tmp_path: Path) -> None:
    ran = shell(tmp_path, "$OZWALD list_configured_services", PYTHONIOENCODING="ascii")

    assert ran.returncode == 0, ran.stderr
    assert b"Gr\\xfc\\xdfe" in ran.stdout


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_no_control_character_leaves_in_any_form(tmp_path: Path, output: str) -> None:
    ran = shell(tmp_path, f"$OZWALD list_configured_services -o {output}", PYTHONIOENCODING="utf-8")

    assert "\x9b" not in ran.stdout.decode()
    assert "Grüße" in ran.stdout.decode()


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    ran = shell(gone, f'rmdir "{gone}" 2>/dev/null || rm -r "{gone}"; $OZWALD validate')

    assert ran.returncode == 2
    assert b"the working directory is gone" in ran.stderr
