"""Makes new requests of the corpus: pieces put in, taken out, changed and joined."""

import random
from typing import Final

from tests.api.hostile.corpus import OTHERS, SMUGGLED

_CORPUS: Final = [*SMUGGLED.values(), *(request for request, _ in OTHERS.values() if len(request) < 20_000)]
_PIECES: Final = (
    *(b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b",", b"%", b"\xff", b"HTTP/1.1", b"\r\n\r\n", b"HEAD "),
    *(b"chunked", b"0\r\n\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: localhost\r\n"),
    *(b"Connection: close\r\n", b"Expect: 100-continue\r\n"),
)


def mutated(dice: random.Random) -> bytes:
    """One request of the corpus with one to six mutations."""
    request = bytearray(dice.choice(_CORPUS))
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(request) + 1)
        dice.choice((_put_in, _put_in, _take_out, _change, _join))(request, place, dice)
    return bytes(request)


def _put_in(request: bytearray, place: int, dice: random.Random) -> None:
    request[place:place] = dice.choice(_PIECES)


def _take_out(request: bytearray, place: int, dice: random.Random) -> None:
    del request[place : place + dice.randint(1, 8)]


def _change(request: bytearray, place: int, dice: random.Random) -> None:
    request[place : place + 1] = bytes([dice.randrange(256)])


def _join(request: bytearray, place: int, dice: random.Random) -> None:
    other = dice.choice(_CORPUS)
    request[place:] = other[dice.randrange(len(other) + 1) :]
