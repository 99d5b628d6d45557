"""Sizes and durations follow Compose."""

import pytest

from ozwald.config.units import duration_s, size_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1024", 1024),
        ("5b", 5),
        ("2k", 2048),
        ("2kb", 2048),
        ("512m", 512 * 1024**2),
        ("1.5gb", 1536 * 1024**2),
        ("2G", 2 * 1024**3),
        ("2GiB", 2 * 1024**3),
        ("1t", 1024**4),
        (".5g", 512 * 1024**2),
        ("5.m", 5 * 1024**2),
        ("1e3k", 1000 * 1024),
        ("1.1g", 1181116006),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "g", "-1g", "2gg", "1,5g", "2g\n", "9" * 30, "9" * 5000, "1e", ".", "٣"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", 10),
        ("1.5", 1.5),
        ("90s", 90),
        ("1m30s", 90),
        ("1h5m30s20ms", 3930.02),
        ("500us", 0.0005),
        ("2d", 172800),
        ("1w", 604800),
        ("100ns", 1e-7),
        (".5s", 0.5),
        ("30s1m", 90),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert duration_s(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-5s", "1x", "1m 30s", "10\n", "9" * 70, "1sx", "inf", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration_s(text)
