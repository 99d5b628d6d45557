"""Bodies are JSON as the standard has it, and bounded."""

import time

import pytest

from ozwald.api.strict_json import NotJson, read_json


def test_json_is_read() -> None:
    assert read_json('[{"name": "grüße", "n": 1.5, "none": null}]'.encode()) == [
        {"name": "grüße", "n": 1.5, "none": None}
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[" * 100_000, "nested more than"),
        (b'{"a":' * 50 + b"1" + b"}" * 50, "nested more than"),
        (b"9" * 5000, "too many digits"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_anything_else_is_refused_with_its_reason(body: bytes, words: str) -> None:
    with pytest.raises(NotJson, match=words):
        read_json(body)


def test_a_megabyte_is_read_in_no_time() -> None:
    begun = time.process_time()

    assert len(read_json(b"[" + b"1," * 500_000 + b"1]")) == 500_001
    assert time.process_time() - begun < 2
