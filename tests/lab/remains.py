"""Finds what a lab left on the machine: the question every test of its end asks."""

import subprocess
from contextlib import suppress
from pathlib import Path


def remains(directory: Path, *, cgroup: str, subnet: int | None) -> list[str]:
    """Everything there still is of this lab, in words; empty after a clean end."""
    found = [f"file {directory}"] if directory.exists() else []
    found += [f"control group {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{cgroup}")]
    if subnet is not None:
        shown = subprocess.run(["ip", "link", "show", f"ozlab{subnet}"], capture_output=True, check=False)
        found += [f"link ozlab{subnet}"] if shown.returncode == 0 else []
    for process in Path("/proc").glob("[0-9]*"):
        for name, word in (("cmdline", str(directory)), ("cgroup", cgroup), ("mountinfo", str(directory))):
            if word in _text(process / name):
                found.append(f"{process}/{name} speaks of {word}")
    return found


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""
