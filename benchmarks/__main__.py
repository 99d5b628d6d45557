"""`python -m benchmarks [SECTION…]`: measures on labs of its own; all sections where none is named."""

import compileall
import sys
import tempfile
from pathlib import Path

import ozwald
from benchmarks import api, connections, containers, hundred_hosts, idle, sampler, thousand, three_hosts

SECTIONS = {
    "three-hosts": three_hosts.run,
    "hundred-hosts": hundred_hosts.run,
    "connections": connections.run,
    "containers": containers.run,
    "thousand": thousand.run,
    "idle": idle.run,
    "api": api.run,
    "sampler": sampler.run,
}


def main() -> None:
    chosen = sys.argv[1:] or list(SECTIONS)
    for name in chosen:
        if name not in SECTIONS:
            raise SystemExit(f"benchmarks: there is no section {name!r}; known: {', '.join(SECTIONS)}")
    compileall.compile_dir(Path(ozwald.__file__).parent, quiet=1)  # as where it is installed
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            SECTIONS[name](Path(folder))


if __name__ == "__main__":
    main()
