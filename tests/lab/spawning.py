"""Starts the first process of a host, and removes what a host leaves behind when it ends."""

import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.processes import Process

HERE = Path(__file__).resolve().parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
KILLABLE = ("--pid", "--fork", "--kill-child")
IDLE = ["sh", "-c", "while :; do sleep 86400 & wait $!; done"]


class Spawned:
    """A first process that waits for `go`; it ends by itself when this process dies before."""

    def __init__(self, command: Sequence[str], *, log: Path, namespaces: Sequence[str]) -> None:
        with log.open("ab") as errors:
            self._child = subprocess.Popen(
                ["unshare", *namespaces, *KILLABLE, "sh", str(HERE / "gate.sh"), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=ENVIRONMENT,
                start_new_session=True,
                cwd="/",
            )
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            raise LabError(f"no namespaces for a host (are you root?): {tail(log)}")
        self.holder, self.init = Process.of(self._child.pid), Process.of(int(line))

    def go(self) -> None:
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(b"go\n")
        self._child.stdin.close()
        self._child.stdout.close()
        # Its end is awaited by pid, maybe by another process.
        self._child.returncode = 0


def enter(init: Process, words: Sequence[str]) -> list[str]:
    """The command line that runs `words` inside a host."""
    return ["nsenter", "--target", str(init.pid), "--mount", "--uts", "--net", "--pid", "--", *words]


def remove_cgroups(name: str) -> None:
    """Removes these control groups, which must have no processes any more, under every controller."""
    roots = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    for root in roots:
        top = root / name
        if not top.is_dir() or not (top / "cgroup.procs").exists():
            continue
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(FileNotFoundError):
                os.rmdir(folder)


def in_parallel(jobs: Sequence[Callable[[], None]]) -> None:
    """Runs the jobs at once; the first error is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=max(1, len(jobs))) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()


def tail(path: Path, *, lines: int = 12) -> str:
    with suppress(FileNotFoundError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""
