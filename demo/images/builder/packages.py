"""Installs the pinned packages into a folder of their own, with whatever pip is at hand."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from builder.errors import BuildError

PIP_OPTIONS = (
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--no-compile",
    "--only-binary",
    ":all:",
)


def install_packages(requirements: Path, target: Path) -> None:
    """Installs wheels only. Raises BuildError with pip's own words when one cannot be had."""
    command = [*find_installer(), "--target", str(target), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
        raise BuildError(
            f"the wheels in {requirements.name} cannot be installed for Python {platform.python_version()} "
            f"on {platform.machine()}: {errors[-1] if errors else done.stderr.strip()}\n"
            "Check that pip reaches its package index and run this with a Python that has wheels of them: "
            "CPython 3.11 or later on x86_64 or aarch64 with glibc. Wheels fetched elsewhere with "
            "`pip download` are found when PIP_FIND_LINKS names their folder."
        )


def find_installer() -> list[str]:
    """The start of an install command that works here."""
    for python in pythons():
        if succeeds([python, "-m", "pip", "--version"]):
            return [python, "-m", "pip", "install", *PIP_OPTIONS]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable, "--only-binary", ":all:"]
    raise BuildError("pip is missing: install it (Debian, Ubuntu: apt-get install python3-pip)")


def pythons() -> Iterator[str]:
    """This interpreter, then the one below its virtual environment: both take the same wheels."""
    yield sys.executable
    if (base := Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")).exists():
        yield str(base)


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
