"""The units that the documentation shows are understood by systemd, word for word."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ozwald.controller.loop import FINISH_S

PAGE = Path(__file__).parents[1] / "docs" / "provisioner.md"
UNITS = re.findall(r"```ini\n(\[Unit\].*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=["user", "server"])
def test_systemd_has_nothing_to_say_about_it(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "ozwald.service"
    path.write_text(re.sub(r"ExecStart=\S+/ozwald ", f"ExecStart={sys.executable} ", unit))

    said = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)

    assert said.stdout + said.stderr == ""


@pytest.mark.parametrize("unit", UNITS, ids=["user", "server"])
def test_a_stop_has_time_to_finish_what_is_in_hand(unit: str) -> None:
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)

    assert int(seconds) > 2 * FINISH_S
