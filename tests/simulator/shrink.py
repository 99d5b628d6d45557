"""Finds the least that still goes wrong, so that a person can read the trace."""

from collections.abc import Callable, Sequence

from tests.simulator.run import run
from tests.simulator.scheduler import Wrong
from tests.simulator.story import Story


def wrong(story: Story, note: Callable[[str], None] | None = None) -> str:
    """What goes wrong in a story; empty when nothing does."""
    try:
        run(story, note)
    except Wrong as error:
        return str(error)
    return ""


def shrink(story: Story) -> list[int]:
    """Numbers of steps and strikes without which something still goes wrong; what remains is all needed."""
    without: list[int] = []
    size = max(1, len(story.numbers) // 2)
    while size:
        for chunk in _chunks([number for number in story.numbers if number not in without], size):
            if wrong(story.without([*without, *chunk])):
                without += chunk
        size //= 2
    return sorted(without)


def _chunks(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]
