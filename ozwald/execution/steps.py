"""What carrying out an operation tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from ozwald.execution.pulls import PullCount
from ozwald.model.plan import InstanceKey, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to one instance. `detail` has further lines, for the launch log.

    `passing` steps replace each other on a display (`pull` has what was pulled so far) and are not kept; `quiet` ones
    are kept and not shown. `is_last` when nothing more will happen to the instance.
    """

    key: InstanceKey
    host: str
    text: str
    detail: str = ""
    passing: bool = False
    quiet: bool = False
    is_last: bool = False
    pull: PullCount | None = None


Report = Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one operation ended.

    `error` is one line that says what to do, empty when it is done; `is_unknown` when an answer was lost, so that
    it may have been done.
    """

    operation: Operation
    error: str = ""
    is_unknown: bool = False

    @property
    def is_done(self) -> bool:
        return not self.error
