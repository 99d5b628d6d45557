"""The lab's command line: a fleet that stays up after the command has ended."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab import record
from tests.lab.errors import LabError
from tests.lab.fleet import Lab, take_down
from tests.lab.options import HostOptions, parse_spec
from tests.lab.standard import STANDARD, load_image

DEFAULT_DIRECTORY = Path(tempfile.gettempdir()) / "ozwald-lab"


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    commands: dict[str, Callable[[argparse.Namespace], None]] = {"up": _up, "down": _down, "status": _status}
    try:
        commands.get(arguments.command, _befall)(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a fleet")
    up.add_argument(
        "--hosts",
        nargs="+",
        default=[],
        metavar="SPEC",
        help="name[:option=value]... as in gpu1:nvidia=tesla-t4.xml, or a JSON file {name: {option: value}}",
    )
    up.add_argument("--image", action="store_true", help="load lab/busybox:1 into every engine")
    commands.add_parser("down", help="take the fleet down and remove all it made")
    commands.add_parser("status", help="list the hosts")
    for name, text in (("cut", "cut the link of"), ("mend", "mend the link of"), ("reboot", "power-cycle")):
        commands.add_parser(name, help=f"{text} a host").add_argument("name")
    for command in commands.choices.values():
        command.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, metavar="DIR")
    return parser


def _up(arguments: argparse.Namespace) -> None:
    began = time.monotonic()
    lab = Lab.start(arguments.directory, _hosts(arguments.hosts), detached=True)
    lab.write_inventory(lab.directory / "inventory.yml")
    if arguments.image:
        load_image(lab)
    print(f"{len(lab.hosts)} hosts up in {time.monotonic() - began:.1f} s")
    _status(arguments)


def _hosts(specs: Sequence[str]) -> dict[str, HostOptions]:
    hosts: dict[str, HostOptions] = {}
    for spec in specs:
        if spec.endswith(".json"):
            read = json.loads(Path(spec).read_text())
            hosts |= {name: HostOptions.from_json(options) for name, options in read.items()}
        else:
            name, options = parse_spec(spec)
            hosts[name] = options
    return hosts or STANDARD


def _down(arguments: argparse.Namespace) -> None:
    take_down(arguments.directory)


def _status(arguments: argparse.Namespace) -> None:
    lab = Lab.attach(arguments.directory)
    recorded = record.require(lab.directory)
    for name, host in lab.hosts.items():
        entry = recorded.hosts[name]
        state = "down" if entry.init is None or not entry.init.is_alive else "cut" if entry.is_cut else "up"
        print(f"{name:<12} {state:<5} {host.user}@{host.address}" + (f" via {host.jump}" if host.jump else ""))
    print(f"identity     {lab.identity_file}\nknown_hosts  {lab.known_hosts}")
    print(f"inventory    {lab.directory / 'inventory.yml'}")


def _befall(arguments: argparse.Namespace) -> None:
    lab = Lab.attach(arguments.directory)
    if arguments.name not in lab.hosts:
        raise LabError(f"no host {arguments.name}; there are {', '.join(lab.hosts)}")
    host = lab.hosts[arguments.name]
    {"cut": host.cut, "mend": host.mend, "reboot": host.reboot}[arguments.command]()


if __name__ == "__main__":
    sys.exit(main())
