"""Pure: reads what nvidia-smi says of NVIDIA cards and their MIG devices."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ozwald.model.resources import Gpu, Hardware, Holder, MigDevice
from ozwald.remote import nvidia_facts as facts
from ozwald.remote.nvidia_xml import CardTexts, Log, NotNvidiaOutput, read_log
from ozwald.remote.text import clean

__all__ = ["MigNames", "NotNvidiaOutput", "parse_mig_names", "parse_nvidia", "program"]

UUID: Final = re.compile(r"GPU-[\w-]{1,80}")
GPU_INSTANCE: Final = "gpu_instance_id"
COMPUTE_INSTANCE: Final = "compute_instance_id"
WANTED: Final = facts.READ | {
    *("driver_version", "cuda_version", "uuid", "product_name", "pci/pci_bus_id", "mig_mode/current_mig"),
    *("index", GPU_INSTANCE, COMPUTE_INSTANCE, "pid", "process_name", "used_memory"),
}
PARENTS_ONLY: Final = ("power_w", "power_limit_w", "temperature_c", "utilization_percent", "ecc_uncorrected_errors")

# UUID and profile of a MIG device, by its card's UUID and its number there.
MigNames = Mapping[tuple[str, int], tuple[str, str]]


def parse_nvidia(text: bytes, mig_names: MigNames | None = None, *, is_cut: bool = False) -> tuple[Gpu, ...]:
    """The cards in the order of their indexes, each followed by its MIG devices; raises NotNvidiaOutput.

    Ids are unique; the processes on a card are its holders, as far as nvidia-smi knows them.
    """
    log = read_log(text, WANTED, is_cut=is_cut)
    found: dict[str, Gpu] = {}
    for index, texts in enumerate(log.cards):
        for gpu in _card_and_devices(index, texts, log, mig_names or {}):
            known = _under_another_id(gpu) if gpu.id in found else gpu
            found.setdefault(known.id, known)
    return tuple(found.values())


def parse_mig_names(text: bytes) -> MigNames:
    """Reads `nvidia-smi -L`, which alone tells the UUIDs of MIG devices."""
    names: dict[tuple[str, int], tuple[str, str]] = {}
    parent = ""
    for line in text.decode("utf-8", "replace").splitlines():
        if found := re.match(r"GPU \d+: .* \(UUID: (GPU-[\w-]{1,80})\)", line):
            parent = found[1]
        elif found := re.match(r"\s+MIG (\S{1,40})\s+Device\s+(\d{1,3}): \(UUID: (MIG-[\w/-]{1,100})\)", line):
            names.setdefault((parent, int(found[2])), (found[3], found[1]))
    return names


def program(text: str) -> str | None:
    """The program's name without its folder and arguments, which may hold secrets."""
    if facts.is_silent(text):
        return None
    path = text if "\\" in text else text.split()[0]
    return clean(re.split(r"[/\\]", path)[-1], limit=64) or None


def _card_and_devices(index: int, card: CardTexts, log: Log, mig_names: MigNames) -> Iterator[Gpu]:
    whole = _card(index, card.texts, log)
    devices = [_device(number, texts, card.texts, whole, mig_names) for number, texts in enumerate(card.devices)]
    if card.texts.get("mig_mode/current_mig") == "Enabled" or devices:
        whole = replace(whole, refusal=_in_mig_mode(devices))
    holders: dict[int | None, list[Holder]] = {}
    for process in card.processes:
        holders.setdefault(_device_of(process, card.devices), []).extend(_holder(process))
    yield replace(whole, holders=tuple(holders.get(None, ())), more_holders=card.more_processes)
    for number, device in enumerate(devices):
        yield replace(device, holders=tuple(holders.get(number, ())))


def _card(index: int, texts: facts.Texts, log: Log) -> Gpu:
    missing: dict[str, str] = {}
    uuid, address = texts.get("uuid", ""), facts.address(texts.get("pci/pci_bus_id"))
    name = _name(texts)
    if address is None:
        missing["pci_address"] = "nvidia-smi does not report it"
    return Gpu(
        hardware=Hardware.NVIDIA,
        index=index,
        id=uuid if UUID.fullmatch(uuid) else f"nvidia-{address or index}",
        name=name,
        driver_version=facts.said(log.texts, "driver_version", "driver_version", missing),
        cuda_version=facts.said(log.texts, "cuda_version", "cuda_version", missing),
        pci_address=address,
        unified_memory=facts.memory_is_shared(texts, name),
        refusal=None if UUID.fullmatch(uuid) else "nvidia-smi gives it no UUID, by which containers get cards",
        missing=missing,
        **facts.measured(texts, missing),
    )


def _device(number: int, texts: facts.Texts, parents: facts.Texts, card: Gpu, mig_names: MigNames) -> Gpu:
    """A MIG device: memory of its own, the rest as its card. One whose UUID is unknown is given to nobody."""
    said = facts.whole(texts.get("index"))
    index = number if said is None else said
    uuid, profile = mig_names.get((card.id, index), (None, None))
    missing: dict[str, str] = {}
    measured = facts.measured({**parents, **dict(_memory(texts))}, missing)
    return replace(
        card,
        id=uuid or f"{card.id}/mig-{index}",
        name=f"{card.name} MIG {profile or index}",
        unified_memory=False,
        mig=_mig(card.id, index, texts, profile),
        refusal=None if uuid else "nvidia-smi -L does not tell its UUID, by which containers get it",
        **(measured | dict.fromkeys(PARENTS_ONLY)),
        missing={**card.missing, **missing, **dict.fromkeys(PARENTS_ONLY, "it is known of the whole card only")},
    )


def _memory(texts: facts.Texts) -> Iterator[tuple[str, str]]:
    for name in ("total", "used", "reserved"):
        yield f"fb_memory_usage/{name}", texts.get(f"fb_memory_usage/{name}", "")


def _mig(parent: str, index: int, texts: facts.Texts, profile: str | None) -> MigDevice:
    known = {name: facts.whole(texts.get(name)) for name in (GPU_INSTANCE, COMPUTE_INSTANCE)}
    missing = {name: "nvidia-smi does not report it" for name, value in known.items() if value is None}
    missing |= {} if profile else {"profile": "nvidia-smi -L does not tell it"}
    return MigDevice(parent_id=parent, index=index, profile=profile, missing=missing, **known)


def _in_mig_mode(devices: Sequence[Gpu]) -> str:
    if devices:
        return "it is split into MIG devices, which are given out in its place"
    return "it is in MIG mode and has no MIG device yet: make some, or leave the mode (nvidia-smi -mig 0)"


def _under_another_id(gpu: Gpu) -> Gpu:
    """A card that shows the UUID of one before it cannot be asked for by it."""
    return replace(gpu, id=f"{gpu.id}@{gpu.pci_address or gpu.index}", refusal=f"another card has the same id {gpu.id}")


def _device_of(process: facts.Texts, devices: Sequence[facts.Texts]) -> int | None:
    """The number of the MIG device that a process runs on, or None for the card itself."""
    for number, device in enumerate(devices):
        ids = [(side.get(GPU_INSTANCE, ""), side.get(COMPUTE_INSTANCE, "")) for side in (process, device)]
        if ids[0] == ids[1] and facts.whole(ids[0][0]) is not None:
            return number
    return None


def _holder(texts: facts.Texts) -> Iterator[Holder]:
    pid, used = facts.whole(texts.get("pid")), texts.get("used_memory")
    if pid is None:
        return
    vram = facts.mebibytes(used)
    missing = {} if vram is not None else {"vram_bytes": f"nvidia-smi says {clean(used or 'nothing')}"}
    yield Holder(pid=pid, vram_bytes=vram, command=program(texts.get("process_name", "")), missing=missing)


def _name(texts: facts.Texts) -> str:
    return clean(texts.get("product_name", "")) or "NVIDIA card"
