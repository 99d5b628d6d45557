"""How people see quantities."""

_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def show_bytes(count: int) -> str:
    """Bytes as KiB, MiB, GiB …: three significant digits, powers of 1024."""
    size, step = float(count), 0
    while size >= 999.5 and step < len(_STEPS) - 1:
        size, step = size / 1024, step + 1
    digits = 0 if step == 0 or size >= 99.5 else 1 if size >= 9.95 else 2
    return f"{size:.{digits}f} {_STEPS[step]}"


def show_age(seconds: float) -> str:
    """A duration with one unit: 12 s, 3 min, 5 h, 2 d."""
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86400)} d"
