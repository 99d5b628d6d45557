"""Words and figures for the facts of a host, short enough for a table."""

import re
from collections.abc import Iterator

from ozwald.model.resources import DockerFacts, Gpu, Hardware, Holder, HostResources, OtherCard
from ozwald.model.units import show_age, show_bytes

STALE_S = 60
# What a server board or a hypervisor shows its console on; nobody computes on these.
CONSOLES = frozenset({"1013", "102b", "1234", "1414", "15ad", "1a03", "1af4", "1b36"})
ABOUT = {
    "gpus": "cards",
    "memory_total_bytes": "memory",
    "disk_total_bytes": "disk",
    "containers": "who holds the cards",
}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
TOOLKIT = "containers cannot use NVIDIA cards: the container toolkit is not there (install nvidia-container-toolkit)"


def share(used: int | None, total: int | None) -> str:
    """`12.3/126 GiB`: both in the unit of the whole, `?` for what is not known."""
    if total is None:
        return "?" if used is None else f"{show_bytes(used)}/?"
    size, unit = float(total), 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    part = "?" if used is None else _figure(used / 1024**unit)
    return f"{part}/{_figure(size)} {UNITS[unit]}"


def fraction(used: int | None, total: int | None) -> float | None:
    """The part that is used, from 0 to 1, or None where that is not known."""
    if used is None or not total:
        return None
    return min(1.0, max(0.0, used / total))


def used(available: int | None, total: int | None) -> int | None:
    """What is not available of a whole."""
    return None if available is None or total is None else max(0, total - available)


def system(resources: HostResources) -> str:
    """The operating system without what everybody knows: `Debian 12`."""
    name = re.sub(r" \([\w ]+\)$", "", resources.os or "?")
    return name.replace(" GNU/Linux", "")


def processor(resources: HostResources) -> str:
    """The processor without what everybody knows: `EPYC 7302P`."""
    name = re.sub(r"\((R|TM|C)\)|\bCPU\b|\bProcessor\b|\b\d+-Core\b|@.*$", " ", resources.cpu_model or "")
    return " ".join(name.removeprefix("AMD ").removeprefix("Intel ").split())


def engine(docker: DockerFacts | None) -> str:
    """`Docker 28.5.1`, `Podman 5.4.2`, or `no engine`."""
    if docker is None:
        return "no engine"
    version = re.split(r"[+~]", docker.version)[0]
    return f"{docker.product.split()[0]} {version}"


def card_name(gpu: Gpu) -> str:
    """The card by what people call it: without its maker and its code name; a MIG device without its card."""
    if gpu.mig is not None:
        return f"MIG {gpu.mig.profile or gpu.mig.index}"
    return short_name(gpu.name)


def short_name(name: str) -> str:
    """A whole card's name without its maker and its code name: `GeForce RTX 3090`."""
    if called := re.search(r"\[([^\]]{4,})\]$", name):
        return called[1]
    return re.sub(r"^(NVIDIA|AMD|Advanced Micro Devices, Inc\. \[AMD/ATI\]) (?!card)", "", name)


def card_number(gpu: Gpu) -> str:
    """The card's index, for a MIG device with its own behind it."""
    return f"{gpu.index}:{gpu.mig.index}" if gpu.mig else str(gpu.index)


def state(gpu: Gpu) -> str:
    """Temperature, power and use, as far as they are known."""
    limit = f"/{gpu.power_limit_w:.0f}" if gpu.power_limit_w is not None else ""
    parts = [
        f"{gpu.temperature_c:.0f} °C" if gpu.temperature_c is not None else "",
        f"{gpu.power_w:.0f}{limit} W" if gpu.power_w is not None else "",
        f"{gpu.utilization_percent} %" if gpu.utilization_percent is not None else "",
        "shared with the machine" if gpu.unified_memory else "",
    ]
    return "  ".join(filter(None, parts))


def holder(held: Holder) -> str:
    """An instance of ours, another's container, or a user's program."""
    if held.instance is not None:
        realm = "" if held.realm in (None, "default") else f"{held.realm}:"
        service = "" if held.service in (None, held.instance) else f" ({held.service})"
        return f"{realm}{held.instance}{service}"
    if held.container_id is not None:
        return f"container {held.container or held.container_id[:12]}"
    program = held.command or f"process {held.pid}"
    return f"{held.user}: {program}" if held.user else program


def amount(held: Holder) -> str:
    """What a process holds."""
    return "?" if held.vram_bytes is None else show_bytes(held.vram_bytes)


def notes(resources: HostResources, *, now: float) -> Iterator[str]:
    """What is worth a line: old facts, facts that the table lacks, cards that cannot be used."""
    if now - resources.observed_at >= STALE_S:
        yield f"these facts are {show_age(now - resources.observed_at)} old"
    yield from _engine_notes(resources)
    yield from (f"{about}: {resources.missing[fact]}" for fact, about in ABOUT.items() if fact in resources.missing)
    if _lacks_toolkit(resources):
        yield TOOLKIT
    cards: dict[str, list[str]] = {}
    for gpu in resources.gpus:
        for note in _card_notes(gpu):
            cards.setdefault(note, []).append(card_number(gpu))
    for note, numbers in cards.items():
        yield f"card{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {note}"


def others(resources: HostResources) -> list[OtherCard]:
    """The other cards that somebody might want to use."""
    return [card for card in resources.other_cards if card.vendor_id not in CONSOLES]


def _engine_notes(resources: HostResources) -> Iterator[str]:
    if resources.docker is not None:
        yield from (f"engine: {said}" for said in resources.docker.warnings if "accessible" in said)
    elif "docker" in resources.missing:
        others = [path for path in resources.engine_sockets if path != "/var/run/docker.sock"]
        hint = f"; there is {', '.join(others)}: set docker_socket" if others else ""
        yield f"{resources.missing['docker']}{hint}"


def _card_notes(gpu: Gpu) -> Iterator[str]:
    if gpu.refusal is not None and not gpu.refusal.startswith("it is split"):
        yield f"not given to containers: {gpu.refusal}"
    if gpu.vram_total_bytes is None:
        yield f"memory: {gpu.missing.get('vram_total_bytes', 'not known')}"
    if gpu.ecc_uncorrected_errors:
        yield f"{gpu.ecc_uncorrected_errors} memory errors that could not be corrected"


def _lacks_toolkit(resources: HostResources) -> bool:
    """Whether NVIDIA cards are there and nothing of what an engine needs to give them to containers."""
    engine_has_it = resources.docker is None or "nvidia" in resources.docker.runtimes or resources.docker.cdi_devices
    has_cards = bool(resources.cards(Hardware.NVIDIA))
    return has_cards and resources.container_toolkit is None and not engine_has_it


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}"
