"""The fleet most tests and the demo use, and the image that is loaded into it."""

from tests.lab.fleet import Lab
from tests.lab.images import busybox_image
from tests.lab.options import HostOptions

IMAGE = "lab/busybox:1"
STANDARD = {
    "box1": HostOptions(),
    "box2": HostOptions(),
    "gpu1": HostOptions(nvidia="tesla-t4.xml"),
    "amd1": HostOptions(amd="rx6700xt_rocm612.json"),
    "bare": HostOptions(docker=False),
}


def load_image(lab: Lab) -> None:
    """Builds `lab/busybox:1` and loads it into every engine of this lab."""
    tarball = busybox_image(lab.directory, IMAGE)
    lab.load_image(tarball)
    tarball.unlink()
