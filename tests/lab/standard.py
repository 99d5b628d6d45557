"""The fleet most tests and the demo use, and the image that is loaded into it."""

from tests.lab.fleet import Lab
from tests.lab.images import busybox_image
from tests.lab.options import HostOptions

IMAGE = "lab/busybox:1"
# The same with a healthcheck, so that a container of it counts as available sooner than after three seconds.
QUICK_IMAGE = "lab/quick:1"
CHECKED_EVERY_S = 0.5
STANDARD = {
    "box1": HostOptions(),
    "box2": HostOptions(),
    "gpu1": HostOptions(nvidia="tesla-t4.xml"),
    "amd1": HostOptions(amd="rx6700xt_rocm612.json"),
    "bare": HostOptions(docker=False),
}


def load_image(lab: Lab) -> None:
    """Builds `lab/busybox:1` and `lab/quick:1` and loads them into every engine of this lab."""
    for tag, checked_every_s in ((IMAGE, None), (QUICK_IMAGE, CHECKED_EVERY_S)):
        tarball = busybox_image(lab.directory, tag, checked_every_s=checked_every_s)
        lab.load_image(tarball)
        tarball.unlink()
