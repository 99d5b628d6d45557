"""Moments as users write them."""

from datetime import datetime

from ozwald.config.units import duration_s
from ozwald.errors import RequestError


def since_ns(text: str, *, now: float) -> int:
    """Nanoseconds since the epoch of `10m` (before `now`, in seconds) or of a date and time as in RFC 3339.

    A time without a zone is the controller's own. Raises RequestError.
    """
    try:
        return max(0, round(datetime.fromisoformat(text).timestamp() * 10**6) * 1000)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return max(0, int((now - duration_s(text)) * 10**9))
    except ValueError as err:
        raise RequestError(f"since {text!r}: write for example 10m, 2h30m or 2026-05-04T10:00:00Z") from err
