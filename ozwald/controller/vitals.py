"""Whether the controller lives: the loop passes, Redis answers."""

import secrets
from collections.abc import Callable

from ozwald.controller.board import Board
from ozwald.controller.leadership import ALONE, Leadership
from ozwald.execution.clock import MONOTONIC, Clock

# A pass waits for no host but where it looks closely at containers, which has deadlines of its own.
OLDEST_PASS_S = 60.0


class Vitals:
    """Answers for `/health`. `boot` is another for each start of the controller."""

    def __init__(
        self,
        board: Board,
        redis_problem: Callable[[], str],
        clock: Clock = MONOTONIC,
        *,
        leadership: Leadership = ALONE,
    ) -> None:
        self.boot = secrets.token_hex(4)
        self._board = board
        self._redis_problem = redis_problem
        self._clock = clock
        self._leadership = leadership

    @property
    def active_elsewhere(self) -> str:
        """The active controller that this one stands by for, or nothing."""
        return self._leadership.active_elsewhere

    def problems(self) -> list[str]:
        """What is not well, in words; empty when all is."""
        return [text for text in (self.loop_problem(), self.redis_problem()) if text]

    def redis_problem(self) -> str:
        """Why Redis cannot be used, or nothing."""
        return self._redis_problem()

    def loop_problem(self) -> str:
        """What keeps the loop from its work, or nothing; a controller that stands by has none."""
        return "" if self.active_elsewhere else self._leadership.doubt() or self._last_pass_problem()

    def pass_age_s(self) -> float | None:
        """Seconds since the last pass ended, None before the first."""
        at = self._board.view.at
        return self._clock.now() - at if at else None

    def _last_pass_problem(self) -> str:
        age_s = self.pass_age_s()
        if age_s is None:
            return "the loop has not looked at the hosts yet"
        if age_s > OLDEST_PASS_S:
            return f"the loop's last pass was {age_s:.0f} s ago"
        return self._board.view.problem
