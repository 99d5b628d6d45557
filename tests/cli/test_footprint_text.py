"""What is told of runs that wait, to whoever waits for them."""

from dataclasses import replace

import pytest

from ozwald.cli.footprint_text import Waiting
from ozwald.model.footprint import Combination, FootprintRequest, Run

RUN = Run(combination=Combination(realm="default", service="llm", variety="nvidia"))


def test_a_run_tells_again_when_it_waits_for_something_else_but_not_when_figures_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = FootprintRequest(request_id="1", asked_at=0.0, author="ann", runs=(RUN,))
    waiting = Waiting()
    for reason in (
        "gpu1: measures a",
        "gpu1: measures b",
        "no host can carry it: gpu1: 2.6 GiB of VRAM free",
        "no host can carry it: gpu1: 2.7 GiB of VRAM free",
    ):
        waiting.tell(request, replace(RUN, reason=reason))

    assert capsys.readouterr().err.splitlines() == [
        "llm[nvidia] waits: gpu1: measures a",
        "llm[nvidia] waits: no host can carry it: gpu1: 2.6 GiB of VRAM free",
    ]
