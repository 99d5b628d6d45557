"""The sampler's script in every shell that hosts have, over the files of hosts of every kind."""

import os
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ozwald.model.sample import ContainerSample, Sample
from ozwald.remote.sample_lines import SampleReader
from ozwald.remote.sampler import script as sampler_script
from tests.remote.recorded import RECORDINGS
from tests.remote.test_probe_script import SHELLS
from tests.waiting import eventually

SCRIPT = sampler_script().decode()
MARK = "0123456789abcdef"
ID = "4f5e0c1d2b3a49687766554433221100ffeeddccbbaa99887766554433221100"
PID = 4711
FULL = ContainerSample(
    cpu_ns=513643791,
    memory_bytes=209715200 + 10485760,
    cache_bytes=314572800 - 10485760,
    kernel_peak_bytes=535482368,
    read_bytes=5242880,
    write_bytes=8192,
    pids=3,
)
TREES: dict[str, dict[str, Any]] = {
    "v1-cgroupfs": {},
    "v1-systemd-nested": {},
    "v2-systemd": {"cpu_ns": 513643000},
    "v2-cgroupfs-parent": {"cpu_ns": 513643000},
    "v2-inside-a-container": {"cpu_ns": 513643000},
    "v2-rootless": {"cpu_ns": 513643000, "read_bytes": None, "write_bytes": None},
}
in_every_shell = pytest.mark.parametrize("words", SHELLS.values(), ids=SHELLS.keys())


class Tree:
    """A host's /proc and /sys in a folder, and the script in a shell that takes them for its own."""

    def __init__(self, folder: Path, recording: str = "") -> None:
        self.folder = folder
        self.has("/proc/uptime", "100.25 199.00\n")
        self.has("/proc/stat", "cpu  10 1 5 900 3 2 1 7 4 0\ncpu0 10 1 5 900 3 2 1 7 4 0\n")
        self.has("/proc/meminfo", "MemTotal: 2048 kB\nMemFree: 100 kB\nMemAvailable: 1024 kB\n")
        for part in recording.split("== ")[1:]:
            path, _, text = part.partition("\n")
            self.has(path, text.replace(" /sys/fs", f" {folder}/sys/fs") if path.endswith("mountinfo") else text)

    def has(self, path: str, text: str) -> Path:
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def has_process(self, pid: int, name: str, groups: str) -> None:
        self.has(f"/proc/{pid}/comm", f"{name}\n")
        self.has(f"/proc/{pid}/status", f"Name: {name}\nUid:\t1000\t1000\n")
        self.has(f"/proc/{pid}/cgroup", groups)

    def find(self, name: str) -> Path:
        (found,) = (self.folder / "sys").rglob(name)
        return found

    def starts(self, words: list[str], *, silence_s: float = 60) -> "Script":
        script = re.sub(r"(?<!\w)/(proc|sys)/", rf"{self.folder}/\1/", SCRIPT)
        return Script([*words, "-s", MARK, str(silence_s), "100"], script)


class Script:
    """The script as it runs, talked to as the sampler does."""

    def __init__(self, words: list[str], text: str) -> None:
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        self.reader = SampleReader(MARK, {"1": ID, "2": "other"}.get)
        self._say(text)

    def asked(self, *calls: str) -> Sample:
        """The one sample that these calls give."""
        self._say("".join(f"{call}\n" for call in calls))
        assert self.process.stdout is not None
        found: list[Sample] = []
        while not found:
            content = self.process.stdout.read(65536)
            assert content, "it has ended"
            found += self.reader.feed(content)
        (sample,) = found
        return sample

    def until_cards(self) -> Sample:
        """The next sample with cards."""
        while True:
            sample = self.asked("tick")
            if sample.cards:
                return sample
            time.sleep(0.01)

    def ends(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(5)

    def _say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())


def recorded(name: str) -> str:
    return (RECORDINGS / "cgroups" / f"{name}.txt").read_text()


def amd_tree(folder: Path) -> Tree:
    """A machine with an AMD card that two processes compute on, and a card of another maker."""
    tree = Tree(folder)
    card = "/sys/bus/pci/devices/0000:c5:00.0"
    files = {"vendor": "0x1002", "mem_info_vram_total": "17163091968", "mem_info_vram_used": "104857600"}
    files |= {"gpu_busy_percent": "12", "hwmon/hwmon3/power1_average": "9000000"}
    for name, value in files.items():
        tree.has(f"{card}/{name}", f"{value}\n")
    tree.has("/sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n")
    node = "/sys/class/kfd/kfd/topology/nodes"
    tree.has(f"{node}/0/gpu_id", "0\n")
    tree.has(f"{node}/1/gpu_id", "4711\n")
    tree.has(f"{node}/1/properties", "cpu_cores_count 0\nlocation_id 50432\ndomain 0\n")
    for pid, name, vram, group in ((300, "llama-server", 73400320, f"docker-{ID}.scope"), (301, "Xorg", 4096, "x")):
        tree.has(f"/sys/class/kfd/kfd/proc/{pid}/vram_4711", f"{vram}\n")
        tree.has_process(pid, name, f"0::/system.slice/{group}\n")
    return tree


def nvidia_tree(folder: Path) -> Tree:
    """A machine with an nvidia-smi that says what `rows` says, and notes when it is asked who holds what."""
    tree = Tree(folder)
    tree.has("/rows", "0, 1, GPU-a, 500, 1000, 0, [N/A]\n")
    tree.has_process(400, "python3", f"9:memory:/docker/{ID}\n")
    tool = tree.has(
        "/bin/nvidia-smi",
        f"""#!/bin/sh
case $1 in --query-compute-apps=*) echo apps >>{folder}/asked && echo 'GPU-a, 400, 400, python3' && exit ;; esac
while cat {folder}/rows; do sleep 0.1; done
""",
    )
    tool.chmod(0o755)
    return tree


@pytest.fixture
def v1(tmp_path: Path) -> Tree:
    return Tree(tmp_path, recorded("v1-cgroupfs"))


@in_every_shell
@pytest.mark.parametrize("name", TREES)
def test_a_container_is_read_wherever_its_control_groups_are(tmp_path: Path, name: str, words: list[str]) -> None:
    script = Tree(tmp_path, recorded(name)).starts(words)

    sample = script.asked(f"watch 1 {ID} {PID}", "full")
    script.ends()

    assert sample.at_s == 100.25
    assert sample.containers == {ID: replace(FULL, **TREES[name])}
    assert sample.host is not None
    assert (sample.host.busy_ns, sample.host.memory_available_bytes) == (190_000_000, 1 << 20)


@pytest.mark.parametrize("name", ["v1-cgroupfs", "v2-systemd"])
def test_a_container_is_found_where_other_users_processes_are_hidden(tmp_path: Path, name: str) -> None:
    tree = Tree(tmp_path, recorded(name))
    (tmp_path / "proc" / str(PID) / "cgroup").unlink()
    script = tree.starts(["sh"])

    sample = script.asked(f"watch 1 {ID} {PID}", "full")
    script.ends()

    assert sample.containers == {ID: replace(FULL, **TREES[name])}


@in_every_shell
def test_most_ticks_read_the_processor_alone(v1: Tree, words: list[str]) -> None:
    script = v1.starts(words)
    script.asked(f"watch 1 {ID} {PID}", "full")

    sample = script.asked("tick")
    script.ends()

    assert (sample.containers, sample.host) == ({ID: ContainerSample(cpu_ns=FULL.cpu_ns)}, None)


@in_every_shell
def test_memory_that_is_higher_than_ever_is_read_at_once(v1: Tree, words: list[str]) -> None:
    script = v1.starts(words)
    script.asked(f"watch 1 {ID} {PID}", "full")
    stat = v1.find("memory.stat")
    stat.write_text(stat.read_text().replace("rss 209715200", "rss 419430400"))
    v1.find("memory.usage_in_bytes").write_text(f"{525336576 + 209715200}\n")

    spike = script.asked("tick")
    after = script.asked("tick")
    script.ends()

    assert spike.containers[ID].memory_bytes == 419430400 + 10485760
    assert after.containers[ID].memory_bytes is None


def test_page_cache_that_grows_is_no_new_height(v1: Tree) -> None:
    script = v1.starts(["sh"])
    script.asked(f"watch 1 {ID} {PID}", "full")
    usage, stat = v1.find("memory.usage_in_bytes"), v1.find("memory.stat")
    usage.write_text(f"{525336576 + 104857600}\n")
    stat.write_text(stat.read_text().replace("cache 314572800", f"cache {314572800 + 104857600}"))
    grown = script.asked("tick").containers[ID]
    usage.write_text(f"{525336576 + 104857600 + 4096}\n")
    v1.find("memory.stat").write_text(stat.read_text().replace("rss 209715200", f"rss {209715200 + 4096}"))

    higher = script.asked("tick").containers[ID]
    script.ends()

    assert (grown.memory_bytes, grown.cache_bytes) == (FULL.memory_bytes, 314572800 - 10485760 + 104857600)
    assert higher.memory_bytes == 209715200 + 10485760 + 4096


def test_memory_that_takes_the_place_of_page_cache_is_seen_at_the_limit(v1: Tree) -> None:
    v1.find("memory.limit_in_bytes").write_text("530000000\n")
    script = v1.starts(["sh"])
    script.asked(f"watch 1 {ID} {PID}", "full")
    stat = v1.find("memory.stat")
    stat.write_text(stat.read_text().replace("rss 209715200", "rss 309715200").replace("cache 3145", "cache 2145"))

    sample = script.asked("tick")
    script.ends()

    assert sample.containers[ID].memory_bytes == 309715200 + 10485760


@in_every_shell
def test_a_container_that_has_ended_is_left_out_and_the_others_go_on(v1: Tree, words: list[str]) -> None:
    script = v1.starts(words)
    both = script.asked(f"watch 1 {ID} {PID}", f"watch 2 other {os.getpid()}", "full")
    for file in ("cpuacct.usage", "memory.usage_in_bytes"):
        v1.find(file).unlink()

    assert set(both.containers) == {ID}
    assert script.asked("full").containers == {}
    assert script.asked("unwatch 1", "tick").containers == {}
    script.ends()


def test_a_process_that_is_in_no_group_of_the_container_is_not_measured_for_it(v1: Tree) -> None:
    v1.has("/proc/4712/cgroup", "4:memory:/docker/another\n0::/\n")
    script = v1.starts(["sh"])

    sample = script.asked(f"watch 1 {ID} 4712", "full")
    script.ends()

    assert sample.containers == {ID: ContainerSample()}


def test_a_container_whose_groups_are_mounted_nowhere_is_there_without_numbers(v1: Tree) -> None:
    v1.has("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n")
    script = v1.starts(["sh"])

    sample = script.asked(f"watch 1 {ID} {PID}", "full")
    script.ends()

    assert sample.containers == {ID: ContainerSample()}


@pytest.mark.parametrize("garbage", ["", "\n", "garbage\n", "-5\n", "9" * 40 + "\n"])
def test_files_that_hold_no_number_give_none(v1: Tree, garbage: str) -> None:
    for name in ("cpuacct.usage", "pids.current", "memory.max_usage_in_bytes", "memory.stat"):
        v1.find(name).write_text(garbage)
    script = v1.starts(["sh"])

    found = script.asked(f"watch 1 {ID} {PID}", "full").containers[ID]
    script.ends()

    assert found == ContainerSample(read_bytes=FULL.read_bytes, write_bytes=FULL.write_bytes)


def test_a_machine_that_is_not_linux_says_so(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tmp_path / "proc" / "uptime").unlink()
    script = tree.starts(["sh"])

    script.process.wait(5)

    assert script.process.stdout is not None
    assert list(script.reader.feed(script.process.stdout.read(65536))) == []
    assert script.reader.complaint == "only Linux can be sampled"


@in_every_shell
def test_amd_cards_are_read_from_the_kernel(tmp_path: Path, words: list[str]) -> None:
    script = amd_tree(tmp_path).starts(words)

    sample = script.asked("cards", "tick")
    script.ends()

    (card,) = sample.cards.values()
    assert list(sample.cards) == ["amd-0000:c5:00.0"]
    assert (card.vram_used_bytes, card.vram_total_bytes) == (104857600, 17163091968)
    assert (card.utilization_percent, card.power_w) == (12, 9.0)
    assert [(held.pid, held.vram_bytes, held.command, held.container_id) for held in card.holders] == [
        (300, 73400320, "llama-server", ID),
        (301, 4096, "Xorg", None),
    ]


@in_every_shell
def test_nvidia_holders_are_asked_for_when_memory_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    tree = nvidia_tree(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    script = tree.starts(words)

    first = script.until_cards()
    second = script.until_cards()
    tree.has("/rows", "0, 1, GPU-a, 900, 1000, 7, 20.50\n")
    third = script.until_cards()
    while third.cards["GPU-a"].vram_used_bytes != 900 << 20:
        third = script.until_cards()
    script.ends()

    assert [held.vram_bytes for held in first.cards["GPU-a"].holders] == [400 << 20]
    assert first.cards["GPU-a"].holders[0].container_id == ID
    assert second.cards == first.cards
    assert third.cards["GPU-a"].utilization_percent == 7
    assert (tmp_path / "asked").read_text().count("apps") == 2


@in_every_shell
def test_it_ends_with_its_input_and_leaves_no_process(words: list[str]) -> None:
    script = Script([*words, "-s", MARK, "2", "100"], SCRIPT)  # a sleep that was just begun may outlive it
    script.asked("tick")

    script.ends()

    assert _ends_soon(script.process.pid)


@in_every_shell
def test_nothing_of_it_is_left_when_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    nvidia_tree(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    script = Script([*words, "-s", MARK, "0.3", "100"], SCRIPT)
    script.until_cards()

    script.process.kill()
    script.process.wait(5)

    assert _ends_soon(script.process.pid)


@in_every_shell
def test_it_ends_when_nobody_asks_any_more(words: list[str]) -> None:
    script = Script([*words, "-s", MARK, "0.2", "100"], SCRIPT)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        script.asked("tick")
        time.sleep(0.05)

    script.process.wait(3)

    assert script.process.returncode == -signal.SIGTERM
    assert _ends_soon(script.process.pid)


def _ends_soon(group: int) -> bool:
    """Whether no process of a group is left in a moment."""
    return eventually(lambda: not _is_there(group), 3)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
