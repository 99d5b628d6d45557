"""The API under honest and under slow clients, served by a process of its own."""

from pathlib import Path

from ozwald.api.server import raised_open_files
from tests.api.load import HEALTH, LIST, ONE, Outcome, reads, slow_clients, standing

SERVICES = 1_000


def run(folder: Path) -> None:
    """Measures 1,000 reads a second on 500 connections, then `/health` beside 2,000 slow clients."""
    raised_open_files()
    with standing(folder, services=SERVICES) as port:
        busy = reads(port, requests=[HEALTH, ONE, LIST], connections=500, rate=1000, seconds=60)
        show("500 connections, 1,000 reads a second offered for a minute", busy)
        alone = reads(port, requests=[HEALTH], connections=1, rate=50, seconds=5)
        show("/health, alone", alone)
        with slow_clients(port, 2_000):
            beside = reads(port, requests=[HEALTH], connections=10, rate=50, seconds=10)
        show("/health beside 2,000 slow clients of four kinds", beside)


def show(title: str, outcome: Outcome) -> None:
    """Prints how long answers took and what they were."""
    seconds = sorted(outcome.seconds)
    middle, last = seconds[len(seconds) // 2], seconds[-1]
    statuses = ", ".join(f"{count} times {status}" for status, count in sorted(outcome.statuses.items()))
    print(f"\n{title}")
    print(f"  median {middle * 1000:8.2f} ms   p99 {outcome.p99_s * 1000:8.2f} ms   longest {last * 1000:8.2f} ms")
    print(f"  {statuses}", flush=True)
