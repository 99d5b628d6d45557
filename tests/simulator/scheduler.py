"""Runs operations one at a time on a clock that only waiting moves; dice choose which one goes on at every call."""

import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")
Condition = Callable[[], bool]

# How often a task that makes a call goes on without another one being given a turn.
GOES_ON = 0.5


class Killed(BaseException):
    """The controller died here."""


class Wrong(Exception):
    """Something happened that never may; the text says what."""


_Baton = Any  # threading.Lock is no type before Python 3.13


class _Worker:
    """A thread that runs one task after another, and only while it holds the baton."""

    idle: ClassVar[list["_Worker"]] = []

    def __init__(self) -> None:
        self.baton = threading.Lock()
        self.baton.acquire()
        self.work: Callable[[], _Baton] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.baton.acquire()
            assert self.work is not None
            successor = self.work()
            _Worker.idle.append(self)
            successor.release()


# Threads do not live on in a forked process.
os.register_at_fork(after_in_child=_Worker.idle.clear)


class _Task:
    """Something under way: it may go on when `ready` says so, or from `wakes_at` on."""

    def __init__(self, baton: _Baton) -> None:
        self.baton = baton
        self.ready: Condition | None = None
        self.wakes_at: float | None = None

    def may_go_on(self, now: float) -> bool:
        if self.ready is None and self.wakes_at is None:
            return True
        return (self.ready is not None and self.ready()) or (self.wakes_at is not None and self.wakes_at <= now)


class Scheduler:
    """One life of a controller: its main thread and the tasks that this one begins.

    Exactly one of them runs at any time.
    """

    def __init__(self, dice: random.Random, *, now: float = 0.0) -> None:
        self.time = now
        self.is_dead = False
        self.interrupts = 0
        self.wrong: Wrong | None = None
        self._dice = dice
        self._main = _Task(threading.Lock())
        self._main.baton.acquire()
        self._current = self._main
        self._tasks = [self._main]

    def now(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._pause(event.is_set, self.time + seconds)
        return event.is_set()

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self._pause(None, self.time + seconds)

    def call(self) -> None:
        """A moment at which another task may be given a turn."""
        self._check_alive()
        if len(self._tasks) > 1 and self._dice.random() > GOES_ON:
            self._pause(None, None)

    def kill(self) -> None:
        """Ends the controller at once: nothing that it has under way makes another step."""
        self.is_dead = True
        raise Killed

    def fail(self, what: str) -> None:
        """Ends the controller because something happened that never may."""
        self.wrong = self.wrong or Wrong(what)
        self.kill()

    def interrupt(self) -> None:
        """Ctrl-C: reaches the main thread, whatever it does."""
        if self._current is self._main:
            raise KeyboardInterrupt
        self.interrupts += 1

    def wait_for(self, done: Condition) -> None:
        """Returns when `done` says so; in the main thread Ctrl-C ends the waiting."""
        if self._current is not self._main:
            self._pause(done, None)
            return
        self._pause(lambda: done() or self.is_dead or self.interrupts > 0, None)
        self._check_alive()
        if self.interrupts and not done():
            self.interrupts -= 1
            raise KeyboardInterrupt

    def begin(self, work: Callable[[], None]) -> None:
        """Begins a task; it runs when it is given a turn."""
        worker = _Worker.idle.pop() if _Worker.idle else _Worker()
        task = _Task(worker.baton)

        def run() -> _Baton:
            work()
            self._tasks.remove(task)
            self._current = self._next()
            return self._current.baton

        worker.work = run
        self._tasks.append(task)

    def finish_all(self) -> None:
        """Lets the main thread wait for every task, as a pool of threads does when it is shut down."""
        self._pause(lambda: len(self._tasks) == 1, None)

    def _pause(self, ready: Condition | None, wakes_at: float | None) -> None:
        me = self._current
        me.ready, me.wakes_at = ready, wakes_at
        chosen = self._next()
        if chosen is not me:
            self._current = chosen
            chosen.baton.release()
            me.baton.acquire()
        me.ready = me.wakes_at = None
        if me is not self._main:
            self._check_alive()

    def _next(self) -> _Task:
        """Whose turn it is. The dead go on as well, to find out that they are."""
        while True:
            able = [task for task in self._tasks if task.may_go_on(self.time)]
            if self.is_dead:
                able = able or [task for task in self._tasks if task is not self._main]
            if able:
                return able[0] if len(able) == 1 else able[int(self._dice.random() * len(able))]
            wakes = [task.wakes_at for task in self._tasks if task.wakes_at is not None]
            if not wakes:
                self.wrong = self.wrong or Wrong("everything waits for something that will never happen")
                self.is_dead = True
                continue
            self.time = max(self.time, min(wakes))

    def _check_alive(self) -> None:
        if self.is_dead:
            raise Killed


class Turns(Executor):
    """A pool whose work is done in turns."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def submit(self, work: Callable[..., T], /, *words: Any, **options: Any) -> "Future[T]":
        future: _Awaited[T] = _Awaited(self._scheduler)

        def run() -> None:
            try:
                future.set_result(work(*words, **options))
            except BaseException as error:
                future.set_exception(error)

        self._scheduler.begin(run)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._scheduler.finish_all()


class _Awaited(Future[T]):
    """A result for which the others are given their turns."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            self._scheduler.wait_for(self.done)
        return super().result(timeout)
