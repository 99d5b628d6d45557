"""The README's own settings and commands, on hosts of the lab that have its names."""

import re
import shlex
from pathlib import Path

import pytest

from tests.end_to_end.controlled import KEY, free_port
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.images import busybox_image

pytestmark = pytest.mark.lab

README = (Path(__file__).parents[2] / "README.md").read_text()
YOURS = README.partition("## On your machines")[2]
IMAGES = {"gpu1": "ghcr.io/ggml-org/llama.cpp:server-cuda", "box1": "ghcr.io/ggml-org/llama.cpp:server"}


def commands() -> list[list[str]]:
    """The words of every `$ ozwald …` line, in order."""
    return [shlex.split(line)[1:] for line in re.findall(r"^\$ (ozwald .+)$", YOURS, re.MULTILINE)]


def settings_of(lab: Lab) -> str:
    """The README's settings with the lab's addresses, user and key in place of the example's."""
    text = YOURS.partition("```yaml\n")[2].partition("```")[0]
    for name, example in (("gpu1", "192.168.1.20"), ("box1", "192.168.1.21")):
        text = text.replace(example, lab.hosts[name].address)
    return text.replace("user: me", f"user: {lab.hosts['gpu1'].user}\n    identity_file: {lab.identity_file}")


def test_the_commands_work_as_written_from_top_to_bottom(user: User, clean_hosts: Lab, tmp_path: Path) -> None:
    for host, image in IMAGES.items():
        clean_hosts.hosts[host].load_image(busybox_image(tmp_path, image))
    (user.folder / "settings.yml").write_text(settings_of(clean_hosts))
    user.known_hosts.write_text("")

    user.more |= {"OZWALD_SYSTEM_KEY": KEY, "OZWALD_FOOTPRINT_DATA": "footprints.yml"}
    # There is no terminal to answer at, and another provisioner may run on this machine.
    more = {"trust": ["--yes"], "start_provisioner": ["--listen", f"127.0.0.1:{free_port()}"]}
    assert len(commands()) >= 12
    try:
        for words in commands():
            ran = user.types(*words, *more.get(words[0], []))
            assert ran.code == 0, f"ozwald {shlex.join(words)}: {ran.out}{ran.err}"
    finally:
        user.types("stop_provisioner")
