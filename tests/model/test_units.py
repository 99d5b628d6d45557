"""Quantities as people read them."""

import pytest

from ozwald.model.units import show_age, show_bytes


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10 * 1024, "10.0 KiB"),
        (100 * 1024, "100 KiB"),
        (1024**2, "1.00 MiB"),
        (24 * 1024**3, "24.0 GiB"),
        (int(23.96 * 1024**3), "24.0 GiB"),
        (1024**4 - 1, "1.00 TiB"),
        (1024**5, "1.00 PiB"),
        (5000 * 1024**5, "5000 PiB"),
    ],
)
def test_bytes_have_three_digits_and_a_power_of_1024(count: int, shown: str) -> None:
    assert show_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172799, "47 h"),
        (172800, "2 d"),
        (864000, "10 d"),
    ],
)
def test_an_age_has_one_unit(seconds: float, shown: str) -> None:
    assert show_age(seconds) == shown
