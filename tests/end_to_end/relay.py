"""A port of this machine, shown on the loopback of another network namespace."""

import ctypes
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CLONE_NEWNET = 0x40000000


@contextmanager
def relay(pid: int, there: int, here: int) -> Iterator[None]:
    """Listens on 127.0.0.1:`there` where that process is, and passes each connection to 127.0.0.1:`here`."""
    listener = _listening(pid, there)
    threading.Thread(target=_accept, args=(listener, here), daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _listening(pid: int, port: int) -> socket.socket:
    """A socket stays in the namespace it was made in, and a namespace is a thread's: that one ends afterwards."""
    made: list[socket.socket] = []

    def make() -> None:
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server(("127.0.0.1", port)))
        finally:
            os.close(namespace)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def _accept(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            caller, _ = listener.accept()
            called = socket.create_connection(("127.0.0.1", port))
            for source, target in ((caller, called), (called, caller)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
