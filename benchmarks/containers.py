"""Thirty containers on three hosts: first time, nothing to do, one change, all removed, beside what one would use else.

Every tool makes the same containers of an image that is there, ten on each host, and is checked after each state.
Ozwald and the bare calls end a start when they have seen the container run for three seconds; the others do not look.
So two times are told where something starts: until the last container runs, and the whole process.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import time

from benchmarks.container_tools import State, Task, Tool, tools
from benchmarks.timing import Timing, output, show
from tests.lab import HostOptions, Lab
from tests.lab.host import Host
from tests.lab.standard import load_image

HOSTS = {name: HostOptions() for name in ("one", "two", "three")}
EACH = 10
ROUNDS = 5
ALL = EACH * len(HOSTS)
RUNNING_AND_NEW = {State.FIRST: (ALL, ALL), State.NOTHING: (ALL, 0), State.CHANGE: (ALL, 1), State.REMOVED: (0, 0)}


def run(folder: Path) -> None:
    """Starts a lab of three hosts and measures on it; OZWALD_ROUNDS and OZWALD_TOOLS narrow it for a quick look."""
    with Lab.start(folder / "fleet", HOSTS) as lab:
        load_image(lab)
        task = Task(folder=folder, lab=lab, containers=containers(), changed="c07")
        chosen = [tool for tool in tools(task) if os.environ.get("OZWALD_TOOLS", "") in tool.name]
        rounds = int(os.environ.get("OZWALD_ROUNDS", ROUNDS))
        report([taken for _ in range(rounds) for tool in chosen for taken in play(tool, task)])


def containers() -> dict[str, list[str]]:
    """The names for each host."""
    return {
        host: [f"c{number:02}" for number in range(first, first + EACH)]
        for host, first in zip(HOSTS, range(1, ALL, EACH), strict=True)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one tool took for one state, in seconds.

    `running_s` is until the last container of it ran, `work_s` what the tool says that its imports leave.
    """

    tool: str
    state: State
    whole_s: float
    running_s: float | None
    work_s: float | None


def play(tool: Tool, task: Task) -> Iterator[Taken]:
    """Leads a tool through all states, from empty hosts to empty hosts."""
    for state in State:
        yield timed(tool, state, task)
    for host in task.hosts:
        host.engine.clean()


def timed(tool: Tool, state: State, task: Task) -> Taken:
    """One state, with a look at the hosts whether it is what was asked for."""
    began = time()
    said = output(tool.commands[state], task.folder, tool.environment)
    whole_s = time() - began
    started = [at for host in task.hosts for at in starts(host)]
    new = [at for at in started if at > began]
    if (len(started), len(new)) != RUNNING_AND_NEW[state]:
        raise SystemExit(f"benchmarks: {tool.name}, {state}: {len(started)} containers run, {len(new)} of them new")
    print(f"{tool.name}, {state}: {whole_s:.2f} s", file=sys.stderr, flush=True)
    return Taken(
        tool=tool.name,
        state=state,
        whole_s=whole_s,
        running_s=max(new) - began if new else None,
        work_s=float(said.split()[-1]) if tool.tells_work else None,
    )


def starts(host: Host) -> Iterator[float]:
    """When each container that runs on a host was started, in seconds since the epoch."""
    for container in host.engine.call("GET", "/containers/json"):
        at = host.engine.call("GET", f"/containers/{container['Id']}/json")["State"]["StartedAt"]
        yield datetime.fromisoformat(f"{at[:26]}+00:00").timestamp()


def report(taken: Sequence[Taken]) -> None:
    """Prints a table for each state and each way to tell its time."""
    for state in State:
        of_state = [one for one in taken if one.state is state]
        show(f"{state}, until the last container runs", timings(of_state, lambda one: one.running_s))
        whole = timings(of_state, lambda one: one.whole_s)
        work = [replace(one, name=f"{one.name}, imported") for one in timings(of_state, lambda one: one.work_s)]
        show(f"{state}, whole process", [*whole[:2], *work, *whole[2:]])


def timings(taken: Sequence[Taken], of: Callable[[Taken], float | None]) -> list[Timing]:
    """One for each tool that has the time asked for."""
    seconds: dict[str, list[float]] = {}
    for one in taken:
        if (found := of(one)) is not None:
            seconds.setdefault(one.tool, []).append(found)
    return [Timing(name=name, seconds=tuple(each)) for name, each in seconds.items()]
