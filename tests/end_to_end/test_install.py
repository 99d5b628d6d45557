"""`pip install .` into a clean environment gives a working command with its data files."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


def test_an_installed_ozwald_validates_an_example(tmp_path: Path) -> None:
    source, environment = tmp_path / "source", tmp_path / "venv"
    copy_sources(source)
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), "."], cwd=source, check=True)

    ran = run(environment, "validate", folder=ROOT / "playbooks" / "two-models")
    probe = "import ozwald.remote.probe as p, importlib.resources as r; print(r.files('ozwald.remote') / 'probe.sh')"
    script = subprocess.run([environment / "bin" / "python", "-c", probe], capture_output=True, text=True, check=True)

    assert ran.returncode == 0, ran.stderr
    assert "2 services" in ran.stdout
    assert Path(script.stdout.strip()).is_file()


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("apply", "--help")])
def test_help_and_version_need_no_settings(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ozwald", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "ozwald" in ran.stdout.lower()


def copy_sources(target: Path) -> None:
    """The package as it is checked out, without caches and builds."""
    target.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    shutil.copytree(ROOT / "ozwald", target / "ozwald", ignore=shutil.ignore_patterns("__pycache__"))


def run(environment: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(environment)}
    command = [str(environment / "bin" / "ozwald"), *words]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
