"""Pulls an image, counting its layers and bytes from what the engine tells."""

import threading
from dataclasses import dataclass
from typing import Protocol

from ozwald.errors import HostError
from ozwald.execution.health import Interrupted
from ozwald.model.units import show_bytes
from ozwald.remote.engine import Engine, PullProgress

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


class Tell(Protocol):
    """Takes what is to be told of an instance; see `Step`."""

    def __call__(
        self, text: str, *, passing: bool = False, quiet: bool = False, pull: PullCount | None = None
    ) -> None: ...


def pull_image(engine: Engine, image: str, *, tell: Tell, stop_asked: threading.Event) -> None:
    """Pulls an image, telling how far that has come; the launch log keeps what held it up or ended it.

    Raises:
        Interrupted: `stop_asked` was set.
        HostError: the engine could not pull it.
    """
    counter, remark = PullCounter(), ""

    def show(progress: PullProgress) -> None:
        nonlocal remark
        if stop_asked.is_set():
            raise Interrupted
        count = counter.add(progress)
        if count.remark and not remark:
            tell(f"pull held up at {count}", quiet=True)
        remark = count.remark
        if count.layers:
            tell(f"pulling {count}", passing=True, pull=count)

    tell(f"pulling {image}")
    try:
        pulled = engine.pull(image, show)
    except HostError:
        tell(f"the pull ended at {counter.count}", quiet=True)
        raise
    tell(f"pulled {image}: {counter.count.summary}; {image_name(pulled)}, {counter.digest or 'no digest'}")


def image_name(image_id: str) -> str:
    """An image by its id, short."""
    return f"image {image_id.removeprefix('sha256:')[:12]}"


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
