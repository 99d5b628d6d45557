"""Counts the layers and bytes of a pull from what the engine tells of it."""

from dataclasses import dataclass

from ozwald.model.units import show_bytes
from ozwald.remote.engine import PullProgress

DIGEST = "Digest: "
FETCHED = ("Verifying Checksum", "Download complete", "Extracting")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullCount:
    """How far a pull has come; `total_bytes` is of the layers whose size is known, `remark` what holds it up."""

    layers: int
    layers_done: int
    layers_present: int
    got_bytes: int
    total_bytes: int
    remark: str = ""

    @property
    def summary(self) -> str:
        """What the image was made of."""
        return f"{self.layers} layers, {self.layers_present} there already, {show_bytes(self.total_bytes)} fetched"

    def __str__(self) -> str:
        bytes_text = f"{show_bytes(self.got_bytes)} of {show_bytes(self.total_bytes)}, " if self.total_bytes else ""
        remark = f", {self.remark}" if self.remark else ""
        return f"{bytes_text}{self.layers_done} of {self.layers} layers{remark}"


class PullCounter:
    """Takes every message of one pull. `digest` is the image's in the registry, once that was told."""

    def __init__(self) -> None:
        self.digest = ""
        self._layers: dict[str, _Layer] = {}

    def add(self, progress: PullProgress) -> PullCount:
        """Takes the next message and returns how far the pull has come."""
        if progress.layer and not progress.status.startswith("Pulling from"):
            self._layers.setdefault(progress.layer, _Layer()).add(progress)
        elif progress.status.startswith(DIGEST):
            self.digest = progress.status.removeprefix(DIGEST).strip()
        return self.count

    @property
    def count(self) -> PullCount:
        layers = self._layers.values()
        return PullCount(
            layers=len(layers),
            layers_done=sum(layer.is_done for layer in layers),
            layers_present=sum(layer.was_present for layer in layers),
            got_bytes=sum(layer.got_bytes for layer in layers),
            total_bytes=sum(layer.total_bytes for layer in layers),
            remark=next((layer.remark for layer in layers if layer.remark), ""),
        )


class _Layer:
    def __init__(self) -> None:
        self.got_bytes = self.total_bytes = 0
        self.is_done = self.was_present = False
        self.remark = ""

    def add(self, progress: PullProgress) -> None:
        status = progress.status
        self.remark = status[:1].lower() + status[1:] if status.startswith("Retrying") else ""
        self.was_present |= status == "Already exists"
        self.is_done |= self.was_present or status == "Pull complete"
        if status == "Downloading" and progress.total_bytes and progress.total_bytes > 0:
            self._download(progress.current_bytes or 0, progress.total_bytes)
        elif self.is_done or status in FETCHED:
            self.got_bytes = self.total_bytes

    def _download(self, current: int, total: int) -> None:
        """After a retry the engine counts only what was still missing, so the rest is there already."""
        self.total_bytes = max(self.total_bytes, total)
        self.got_bytes = min(self.total_bytes, self.total_bytes - total + current)
