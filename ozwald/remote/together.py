"""One answer for all who ask the same thing at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Lets the first of several equal calls ask, while the others wait for its answer or its failure.

    Nothing is remembered: who calls once the answer is there asks anew.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._asked: dict[str, Future[Any]] = {}

    def ask(self, question: str, call: Callable[[], T]) -> T:
        """The answer of `call`, or of the call with the same question that is under way."""
        own: Future[T] = Future()
        with self._guard:
            answer: Future[T] = self._asked.setdefault(question, own)
        if answer is own:
            try:
                own.set_result(call())
            except BaseException as err:
                own.set_exception(err)
            finally:
                del self._asked[question]
        return answer.result()
