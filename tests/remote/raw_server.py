"""A TCP server inside the test that speaks SSH's unencrypted first words by hand, or anything else."""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from ozwald.model.host import Host

Act = Callable[["Peer"], None]
IDENTITY = b"SSH-2.0-OpenSSH_9.2\r\n"
IGNORE, DISCONNECT, KEXINIT = 2, 1, 20
LISTS = (
    "kex",
    "keys",
    "ciphers",
    "ciphers_back",
    "macs",
    "macs_back",
    "zip",
    "zip_back",
    "languages",
    "languages_back",
)
USUAL: Mapping[str, Sequence[str]] = {
    "kex": ("curve25519-sha256@libssh.org",),
    "keys": ("ssh-ed25519",),
    "ciphers": ("aes128-ctr",),
    "macs": ("hmac-sha2-256",),
    "zip": ("none",),
}


class Peer:
    """One accepted connection; `sent` counts what went out."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sent = 0
        self._come = b""

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)
        self.sent += len(content)

    def send_packet(self, payload: bytes) -> None:
        padding = 8 - (len(payload) + 5) % 8 + (8 if (len(payload) + 5) % 8 > 4 else 0)
        self.send(struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding))

    def line(self) -> bytes:
        while b"\n" not in self._come:
            self._come += self._read()
        line, _, self._come = self._come.partition(b"\n")
        return line

    def packet(self) -> bytes:
        """The payload of the client's next packet."""
        length, padding = struct.unpack(">IB", self._take(5))
        return self._take(length - 1)[: length - 1 - padding]

    def _take(self, count: int) -> bytes:
        while len(self._come) < count:
            self._come += self._read()
        taken, self._come = self._come[:count], self._come[count:]
        return taken

    def _read(self) -> bytes:
        content = self.sock.recv(65536)
        if not content:
            raise EOFError
        return content


def kexinit(**lists: Sequence[str]) -> bytes:
    """A KEXINIT payload; what is not named is usual."""
    named = {**USUAL, **lists}
    named = {**named, "ciphers_back": named["ciphers"], "macs_back": named["macs"], "zip_back": named["zip"]}
    texts = [",".join(named.get(name, ())).encode() for name in LISTS]
    return bytes([KEXINIT]) + os.urandom(16) + b"".join(struct.pack(">I", len(t)) + t for t in texts) + bytes(5)


def offered(payload: bytes) -> dict[str, list[str]]:
    """The lists of a client's KEXINIT."""
    place, found = 17, {}
    for name in LISTS:
        (length,) = struct.unpack_from(">I", payload, place)
        found[name] = payload[place + 4 : place + 4 + length].decode().split(",")
        place += 4 + length
    return found


@contextmanager
def raw_server(act: Act) -> Iterator[Host]:
    """A host whose every connection is served by `act`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(sock: socket.socket) -> None:
        with sock, suppress(OSError, EOFError):
            act(Peer(sock))

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Host(name="box1", address="127.0.0.1", port=listener.getsockname()[1], user="ada")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
