"""What stands where a file should be: devices, pipes, links, folders without end, programs that misbehave."""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.config.hostile.exercise import exercise
from tests.config.hostile.places import Use

Make = Callable[[Path], object]


def _socket(path: Path) -> None:
    # A path longer than 107 bytes cannot be bound, a name in the working directory can.
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(path.parent):
        listener.bind(path.name)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def _unreadable(path: Path) -> None:
    path.write_text("a: b")
    path.chmod(0)


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


SPECIALS: dict[str, Make] = {
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "zeros": _link("/dev/zero"),
    "a full device": _link("/dev/full"),
    "random bytes": _link("/dev/urandom"),
    "the terminal": _link("/dev/tty"),
    "standard input": _link("/dev/stdin"),
    "memory": _link("/proc/self/mem"),
    "the kernel's log": _link("/proc/kmsg"),
    "a folder": Path.mkdir,
    "a link to nothing": _link("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to its folder": _link("."),
    "a link to everything": _link("/proc"),
    "a file of a terabyte": _sparse,
    "an unreadable file": _unreadable,
}
SETTINGS = """\
{inventory}
realms: {{r: {{service-definitions: {{s: {{image: i, env_file: [e.env, {{path: f.env, required: false}}]}}}}}}}}
"""


def uses(folder: Path, make: Make) -> dict[str, Use]:
    """The special file in each place where a file is read, each ready to be loaded."""
    found: dict[str, Use] = {}
    for place, name in {"settings": "settings.yml", "dotenv": ".env", "env_file": "e.env", "optional": "f.env"}.items():
        found[place] = _use(folder / place, name, make)
    for name in ("hosts.yml", "hosts.ini", "hosts.json", "hosts", "hosts.toml"):
        found[name] = _use(folder / name, f"there/{name}", make, inventory=f"there/{name}")
        found[f"a folder with {name}"] = _use(folder / f"in-{name}", f"inventory/{name}", make)
    for name in ("group_vars", "group_vars/all", "group_vars/all.yml", "group_vars/all/a.yml", "host_vars/h"):
        found[name] = _use(folder / name.replace("/", "-"), name, make, inventory="h,ini")
    found["named in the settings"] = _use(
        folder / "named", "x", make, settings=SETTINGS.format(inventory="inventory: x")
    )
    found["requests"] = _use(folder / "requests", "wanted", make, requests="wanted")
    found["book"] = _use(folder / "book", "book", make, book="book")
    return found


def _use(
    folder: Path,
    name: str,
    make: Make,
    *,
    settings: str | None = None,
    inventory: str | None = None,
    requests: str | None = None,
    book: str | None = None,
) -> Use:
    (folder / name).parent.mkdir(parents=True)
    for file, text in {
        "settings.yml": settings or SETTINGS.format(inventory=""),
        "e.env": "A=1\n",
        "h,ini": "h\n",
    }.items():
        if file != name:
            (folder / file).write_text(text)
    make(folder / name)
    return lambda: exercise(folder, inventory=inventory, requests=requests, book=book)


def _many_files(folder: Path) -> None:
    (folder / "inventory").mkdir(parents=True)
    for number in range(20_000):
        (folder / "inventory" / f"h{number}").touch()


def _many_variables(folder: Path) -> None:
    (folder / "inventory" / "group_vars" / "all").mkdir(parents=True)
    (folder / "inventory" / "hosts").write_text("h[1:100]\n")
    for number in range(1000):
        (folder / "inventory" / "group_vars" / "all" / f"v{number}.yml").write_text(f"v{number}: 1\n")


def _skipped_files(folder: Path) -> None:
    (folder / "inventory").mkdir(parents=True)
    for number in range(20_000):
        (folder / "inventory" / f"h{number}~").touch()


def _folders_in_circles(folder: Path) -> None:
    all_vars = folder / "inventory" / "group_vars" / "all"
    all_vars.mkdir(parents=True)
    (folder / "inventory" / "hosts").write_text("h\n")
    for name in ("a", "b", "c"):
        (folder / "inventory" / name).symlink_to(".")
        (all_vars / name).symlink_to(".")


def _deep_folders(folder: Path) -> None:
    deep = folder / "inventory" / "group_vars" / "all"
    (folder / "inventory").mkdir(parents=True)
    (folder / "inventory" / "hosts").write_text("h\n")
    for _ in range(400):
        deep /= "a"
    deep.mkdir(parents=True)


def _large_files(folder: Path) -> None:
    (folder / "inventory").mkdir(parents=True)
    for number in range(40):
        (folder / "inventory" / f"h{number}.yml").write_text(f"all: {{vars: {{a: {'b' * 4_000_000}}}}}")


def _odd_names(folder: Path) -> None:
    (folder / "inventory").mkdir(parents=True)
    for name in (b"\xff\xfe.yml", b"\x1b[31m.yml", b"a\nb.ini", "\u202e.yml".encode(), b"a b.json", b"-rf.yml"):
        Path(os.fsdecode(os.fsencode(folder / "inventory") + b"/" + name)).write_text("[")


FOLDERS: dict[str, Make] = {
    "thousands of files": _many_files,
    "a thousand files of variables": _many_variables,
    "thousands of files that are skipped": _skipped_files,
    "folders in circles": _folders_in_circles,
    "deep folders": _deep_folders,
    "large files": _large_files,
    "odd names": _odd_names,
}
SCRIPTS = {
    "prints without end": "exec cat /dev/zero",
    "prints lines without end": "exec yes",
    "hangs": "exec sleep 60",
    "hangs when it is told to end": "trap '' TERM INT HUP; sleep 60; sleep 60",
    "leaves a child behind": "sleep 60 & echo '{}'",
    "leaves a child of its own behind": "setsid sleep 60 & sleep 60",
    "closes its output and hangs": "exec >&- ; exec sleep 60",
    "prints a byte now and then": "while :; do printf x; sleep 0.1; done",
    "forks": "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait",
    "prints no text": "printf '\\377\\376\\000'",
    "prints nothing": ":",
    "prints half": "printf '{\"all\": {'",
    "prints a list": "echo '[]'",
    "complains without end": "yes >&2",
    "fails": "echo '{}'; exit 3",
    "is killed": "kill -9 $$",
    "prints the environment": 'printf \'{"%s\' "$CANARY"; env',
    "fails with the environment": 'echo "$CANARY" >&2; exit 1',
    "hangs for a host": '[ "$1" = --list ] && echo \'{"g": ["a"]}\' || sleep 60',
    "fails for a host": '[ "$1" = --list ] && echo \'{"g": ["a"]}\'',
    "names many hosts": 'python3 -c \'import json; print(json.dumps({"g": [f"h{n}" for n in range(20000)]}))\'',
    "asks": "read x; echo '{}'",
    "removes itself": 'rm "$0"; echo \'{"g": {"hosts": ["a"]}, "_meta": {"hostvars": {}}}\'',
}
STARTS = {
    "no interpreter": b"#!/nonexistent/python\n",
    "no program": b"\x7fELF" + b"\0" * 100,
    "an empty interpreter": b"#!\n",
    "a long interpreter": b"#!" + b"/" * 5000 + b"\n",
    "itself": b"#!./script\n",
}


def program(folder: Path, content: bytes) -> Use:
    """An executable inventory."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yml").write_text("realms:\n")
    (folder / "script").write_bytes(content)
    (folder / "script").chmod(0o700)
    return lambda: exercise(folder, inventory="script")
