"""What has to outlive its controller: the wanted set and the queue of footprints, as the mirror in Redis sees them."""

import time
from contextlib import AbstractContextManager

from ozwald.execution.intent import store
from ozwald.model.history import Author
from ozwald.state import footprint_queue, wanted
from ozwald.state.footprint_queue import FootprintQueue, parse_queue
from ozwald.state.home import DataFolder
from ozwald.state.wanted import changing_wanted, parse_wanted, read_wanted, wanted_path

TAKEN_OVER = Author(owner="ozwald", command="taken over from Redis")


class WantedDocument:
    """One provisioner's wanted set; its number is the generation."""

    key = "wanted"
    title = "wanted set"
    remedy = wanted.REMEDY

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._home = home
        self._provisioner = provisioner
        self.path = wanted_path(home, provisioner)

    def number(self, text: str, where: str, remedy: str) -> int:
        return parse_wanted(text, where, remedy=remedy).generation

    def changing(self) -> AbstractContextManager[object]:
        return changing_wanted(self._home, self._provisioner)

    def put(self, text: str) -> None:
        taken, before = parse_wanted(text, str(self.path)), read_wanted(self.path)
        store(taken, before, home=self._home, provisioner=self._provisioner, author=TAKEN_OVER, at=time.time())


class QueueDocument:
    """One provisioner's queue of footprints."""

    key = "footprints"
    title = "queue of footprints"
    remedy = footprint_queue.REMEDY

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._queue = FootprintQueue(home, provisioner)
        self.path = self._queue.path

    def number(self, text: str, where: str, remedy: str) -> int:
        return parse_queue(text, where, remedy=remedy).number

    def changing(self) -> AbstractContextManager[object]:
        return self._queue.locked()

    def put(self, text: str) -> None:
        self._queue.put(parse_queue(text, str(self.path)))
