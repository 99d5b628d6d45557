"""A pass waits only a moment for hosts that it asks something."""

import threading
import time
from typing import Any, cast

from ozwald.controller.brief import Brief
from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote.fleet import Fleet
from tests.builders import host


class Hosts:
    """One that answers, one that fails and one that hangs."""

    def __init__(self) -> None:
        self.thaw = threading.Event()

    def connection(self, wanted: Host) -> Any:
        if wanted.name == "hangs":
            self.thaw.wait(10)
        if wanted.name == "fails":
            raise ConnectionFailed("fails", "refused", failure=Failure.RETRYABLE)
        return wanted.name


def test_who_answers_late_or_not_at_all_is_left_out() -> None:
    hosts = Hosts()
    brief = Brief(cast(Fleet, hosts), within_s=0.05)

    begun = time.monotonic()
    found = brief.map([host(name) for name in ("answers", "fails", "hangs")], lambda connection: str(connection))

    assert time.monotonic() - begun < 1
    assert found.values == {"answers": "answers"}
    assert {name: error.message for name, error in found.failures.items()} == {
        "fails": "refused",
        "hangs": "it takes long to answer",
    }
    assert brief.unanswered == {"fails", "hangs"}
    hosts.thaw.set()
