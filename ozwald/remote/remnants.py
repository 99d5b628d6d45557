"""Finds what runs may have left on a host outside its engine: processes under Ozwald's `timeout`, and scripts."""

import shlex
import time
from collections.abc import Callable, Iterator
from typing import Final

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.belongings import Belonging, Kind
from ozwald.remote.command import KILL_AFTER_S
from ozwald.remote.connection import HostConnection
from ozwald.remote.text import clean

TIMEOUT_S: Final = 30.0

# A shell's `read` passes over the zero bytes between the words of a command, and starts no program for it. The fifth
# word is the command itself; the others may be secret and stay where they are.
_LOOK: Final = f"""\
ticks=$(getconf CLK_TCK 2>/dev/null) || ticks=100
read -r up rest </proc/uptime
for place in /proc/[0-9]*; do
    words=
    {{ read -r words <"$place/cmdline"; }} 2>/dev/null
    case $words in timeout-k{KILL_AFTER_S}[0-9]*) ;; *) continue ;; esac
    pid=${{place#/proc/}}
    [ "$pid" = "$PPID" ] && continue
    began=$(sed 's/.*) //' "$place/stat" 2>/dev/null | cut -d ' ' -f 20)
    word=$(tr '\\n\\0' ' \\n' <"$place/cmdline" 2>/dev/null | sed -n 5p)
    [ -n "$began" ] && echo "process $pid $(stat -c %U "$place" 2>/dev/null || echo ?) ${{up%%.*}} $began $ticks $word"
done
for place in "${{TMPDIR:-/tmp}}"/ozwald-script.*; do
    [ -e "$place" ] || continue
    size=$(du -sk "$place" 2>/dev/null | cut -f 1)
    echo "file $(stat -c '%U %Y' "$place") ${{size:-?}} $place"
done
"""


def remnants(connection: HostConnection, *, clock: Callable[[], float] = time.time) -> tuple[Belonging, ...]:
    """Commands that Ozwald started and that still run, and scripts it brought; raises ConnectionFailed."""
    ended = connection.run(["sh", "-c", _LOOK], timeout_s=TIMEOUT_S, become=False)
    if ended.exit_status != 0:
        why = clean(ended.stderr.decode("utf-8", "backslashreplace")).strip() or f"exit status {ended.exit_status}"
        message = f"looking for processes and files: {why}"
        raise ConnectionFailed(connection.host.name, message, failure=Failure.TERMINAL)
    return tuple(parse_remnants(ended.stdout.decode("utf-8", "backslashreplace"), clock()))


def parse_remnants(output: str, now: float) -> Iterator[Belonging]:
    """Reads what the look printed; lines of another form are passed over."""
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        reader = {"process": _process, "file": _file}.get(kind)
        try:
            if reader is not None:
                yield reader(rest, now)
        except (ValueError, ArithmeticError):
            continue


def _process(text: str, now: float) -> Belonging:
    pid, user, up_s, began, ticks, word = text.split(" ", 5)
    age_s = max(0.0, int(up_s) - int(began) / int(ticks))
    what = f"command {shlex.quote(clean(word))}"
    return Belonging(
        kind=Kind.PROCESS, id=str(int(pid)), name=str(int(pid)), what=what, owner=user, created_at=now - age_s
    )


def _file(text: str, now: float) -> Belonging:
    user, changed, kib, path = text.split(" ", 3)
    size_bytes = int(kib) * 1024 if kib.isdecimal() else None
    return Belonging(
        kind=Kind.FILE,
        id=path,
        name=path,
        what="script of `run --script`",
        owner=user,
        created_at=min(float(int(changed)), now),
        size_bytes=size_bytes,
    )
