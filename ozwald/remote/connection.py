"""One open connection to a host: commands, and the engine behind the same link."""

import logging
import shlex
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import paramiko

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote import command, handshake
from ozwald.remote.command import OUTPUT_BYTES, Capture, CommandResult, OnOutput, Stdin, close_channel, run_on_channel
from ozwald.remote.engine import Engine
from ozwald.remote.pipes import ChannelPipe, Pipe
from ozwald.remote.streamlocal import send_signal
from ozwald.remote.text import clean
from ozwald.remote.transport import GuardedTransport

if TYPE_CHECKING:
    from ozwald.remote.docker_engine import DockerEngine

log = logging.getLogger(__name__)

CHANNEL_S = 15.0


class HostConnection(Protocol):
    """A host that is reached. Its methods may be called from several threads."""

    @property
    def host(self) -> Host: ...

    def run(
        self,
        words: Sequence[str],
        *,
        stdin: Stdin = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_BYTES,
        become: bool | None = None,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        """Runs a command; `become` None does what the host says, `on_output` sees each piece of output as it comes.

        Raises ConnectionFailed, UNKNOWN once the command was sent.
        """

    def begin(self, words: Sequence[str]) -> Pipe:
        """Starts a program that ends when its input does, and talks to it; raises ConnectionFailed.

        It runs as the user who logged in, without a time limit, until the pipe is closed.
        """

    def engine(self) -> Engine:
        """The host's engine, connected at the first call and kept; raises EngineError."""

    def is_open(self) -> bool: ...

    def interrupt(self) -> None:
        """Ends the host's side of every command that is running; their callers get a result or an error."""

    def close(self) -> None: ...


class SshConnection:
    """See `HostConnection`."""

    def __init__(self, host: Host, transport: GuardedTransport) -> None:
        self.host = host
        self.transport = transport
        self._lock = threading.Lock()
        self._engine: DockerEngine | None = None
        self._running: set[paramiko.Channel] = set()

    def run(
        self,
        words: Sequence[str],
        *,
        stdin: Stdin = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_BYTES,
        become: bool | None = None,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        line = command.guarded(words, timeout_s=timeout_s, become=self.host.become if become is None else become)
        log.debug("%s: %s", self.host.name, line)
        with self.transport.working():
            channel = self._session(timeout_s)
            self._running.add(channel)
            try:
                capture = Capture(limit_bytes, on_output)
                return run_on_channel(channel, line, capture, stdin=stdin, timeout_s=timeout_s, signs=self.transport)
            except command.OutOfTimeError as err:
                raise self._failed(f"no exit status within {timeout_s:g} s", Failure.UNKNOWN) from err
            except (command.ConnectionLostError, paramiko.SSHException, EOFError, OSError) as err:
                raise self._failed(self._lost_while_running(), Failure.UNKNOWN) from err
            except BaseException:
                self._end(channel)
                raise
            finally:
                self._running.discard(channel)
                close_channel(channel)

    def begin(self, words: Sequence[str]) -> Pipe:
        line = f"exec {shlex.join(words)}"
        log.debug("%s: %s", self.host.name, line)
        with self.transport.working():
            channel = self._session(CHANNEL_S)
            try:
                channel.set_combine_stderr(True)  # nobody reads it apart, and its window would fill
                command.execute(channel, line, time.monotonic() + CHANNEL_S)
            except BaseException as err:
                close_channel(channel)
                if isinstance(err, command.OutOfTimeError | paramiko.SSHException | EOFError | OSError):
                    raise self._failed(self._lost_while_running(), Failure.UNKNOWN) from err
                raise
        return ChannelPipe(channel, self.transport)

    def engine(self) -> Engine:
        # Importing docker takes as long as connecting.
        from ozwald.remote.docker_engine import DockerEngine
        from ozwald.remote.ssh_pipes import SshPipes

        with self._lock:
            if self._engine is None:
                self._engine = DockerEngine.over(self.host.name, SshPipes(self.host, self.transport))
            return self._engine

    def is_open(self) -> bool:
        return bool(self.transport.is_active())

    def interrupt(self) -> None:
        for channel in tuple(self._running):
            self._end(channel)

    def close(self) -> None:
        handshake.end(self.transport)
        if self._engine is not None:
            self._engine.close()  # its pipes would tell a host that may not listen, so they come after the link

    def _session(self, timeout_s: float) -> paramiko.Channel:
        """A fresh channel; nothing that changes anything has been sent when that fails."""
        limit_s = min(CHANNEL_S, timeout_s)
        try:
            return self.transport.session(limit_s, on_full=self._make_room)
        except paramiko.ChannelException as err:
            raise self._failed("the host opens no further session (MaxSessions)", Failure.RETRYABLE) from err
        except (paramiko.SSHException, EOFError, OSError) as err:
            if self.is_open():
                message = f"the host opens no session within {limit_s:g} s: is it overloaded?"
            else:
                message = f"the connection is lost ({self.transport.why_lost() or clean(str(err))})"
            raise self._failed(message, Failure.RETRYABLE) from err

    def _make_room(self) -> None:
        """Where the engine is reached through a command, its idle pipes are sessions too."""
        if self._engine is not None:
            self._engine.drop_idle()

    def _lost_while_running(self) -> str:
        if self.is_open():
            return "a command was killed before it ended"
        why = self.transport.why_lost()
        return f"lost while a command ran{f' ({why})' if why else ''}"

    def _end(self, channel: paramiko.Channel) -> None:
        try:
            send_signal(channel, "TERM")
        except (paramiko.SSHException, EOFError, OSError) as err:
            log.debug("%s: cannot signal: %s", self.host.name, err)

    def _failed(self, message: str, failure: Failure) -> ConnectionFailed:
        return ConnectionFailed(self.host.name, message, failure=failure)
