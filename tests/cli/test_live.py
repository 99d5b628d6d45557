"""The live display of work on hosts, as text on a terminal of a known size."""

import io

from rich.console import Console

from ozwald.cli.live import LiveDisplay
from ozwald.execution.pulls import PullCount
from ozwald.execution.steps import Step
from tests.builders import key


def display(width: int = 80, height: int = 24, at_s: float = 0.0) -> tuple[LiveDisplay, Console, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, width=width, height=height, force_terminal=False)
    return LiveDisplay(console, now=lambda: at_s), console, written


def lines(live: LiveDisplay, console: Console) -> list[str]:
    """What the live part shows now."""
    with console.capture() as shown:
        console.print(live._render())
    return [line.rstrip() for line in shown.get().splitlines()]


def step(name: str, text: str, *, is_last: bool = False, pull: PullCount | None = None) -> Step:
    return Step(key=key(name), host="box1", text=text, is_last=is_last, pull=pull)


def pulling(got: int) -> PullCount:
    return PullCount(layers=3, layers_done=1, layers_present=0, got_bytes=got, total_bytes=100)


def test_each_instance_in_work_has_one_line_with_its_step() -> None:
    live, console, _ = display(width=40)
    live.show(step("a", "created"))
    live.show(step("long-name", "started"))
    live.show(step("a", "started"))

    assert lines(live, console) == [
        "box1  a          started           0.0 s",
        "box1  long-name  started           0.0 s",
    ]


def test_a_pull_has_a_bar_and_its_layers() -> None:
    live, console, _ = display()
    live.show(step("a", f"pulling {pulling(50)}", pull=pulling(50)))

    (line,) = lines(live, console)
    assert "━" in line
    assert "pulling 50 B of 100 B, 1 of 3 layers" in line


def test_what_has_ended_moves_up_as_a_line() -> None:
    live, console, written = display()
    live.show(step("a", "create on box1: it is new"))
    live.show(step("b", "create on box1: it is new"))
    live.show(step("a", "done", is_last=True))
    live.show(step("b", "failed: exit code 3", is_last=True))

    assert written.getvalue() == "box1  a  done after 0.0 s\nbox1  b  failed: exit code 3\n"
    assert lines(live, console) == []


def test_a_narrow_terminal_shortens_lines_and_a_low_one_counts_the_rest() -> None:
    live, console, _ = display(width=40, height=5)
    for number in range(9):
        live.show(step(f"n{number}", "x" * 200))

    shown = lines(live, console)
    assert len(shown) == 4
    assert all(len(line) <= 40 for line in shown)
    assert "… and 6 more" in shown[-1]


def test_a_terminal_of_one_cell_breaks_nothing() -> None:
    live, console, _ = display(width=1, height=1)
    live.show(step("a", f"pulling {pulling(50)}", pull=pulling(50)))

    assert all(len(line) <= 1 for line in lines(live, console))


def test_text_from_hosts_is_harmless_and_no_markup() -> None:
    live, console, written = display()
    live.show(step("a", "[red]\x1b[2Jboom"))
    assert "[red]\\x1b[2Jboom" in lines(live, console)[0]

    live.show(step("a", "failed: [bold]\x1b[2J", is_last=True))
    assert "[bold]\\x1b[2J" in written.getvalue()
