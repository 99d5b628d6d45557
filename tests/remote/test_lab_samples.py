"""What the sampler measures of real containers, over a real sshd and a real engine."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.sample import ContainerSample, Sample
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Limits
from ozwald.remote.fleet import Fleet
from ozwald.remote.sampler import Sampler, open_sampler
from tests.lab import HostOptions, Lab
from tests.lab.standard import IMAGE
from tests.remote.reach import host_of, inventory_of, options_of
from tests.waiting import eventually

pytestmark = pytest.mark.lab

MIB = 1 << 20
HOLD = "dd if=/dev/zero bs={mib}M count=1 | sleep 600"
MAP = """import mmap, time
mapped = mmap.mmap(3, 0, prot=mmap.PROT_READ)
sum(mapped[::4096])
print("mapped", flush=True)
time.sleep(600)"""
STEPS = [0.1, 0.3, 0.2]  # of a core: what a busy machine still has for them


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, lab_image: Path) -> Iterator[Lab]:
    options = {
        "box": HostOptions(nvidia="tesla-t4.xml", cards=2),
        "parent": HostOptions(dockerd=("--cgroup-parent=/ozlab-ml",)),
    }
    with Lab.start(tmp_path_factory.mktemp("samples") / "lab", options) as running:
        running.load_image(lab_image)
        yield running


@pytest.fixture
def box(two: Lab) -> Iterator[HostConnection]:
    with Fleet(inventory_of(two), options=options_of(two)) as fleet:
        yield fleet.connection(host_of(two, "box"))
    two.hosts["box"].engine.clean()


def runs(connection: HostConnection, command: str, **host: object) -> str:
    """Starts a container with a shell command and returns its id."""
    engine = connection.engine()
    config = {"Image": IMAGE, "Cmd": ["sh", "-c", command], "HostConfig": host}
    made = engine.create(f"c{time.monotonic_ns()}", config)
    engine.start(made)
    return made


def watch(sampler: Sampler, connection: HostConnection, container_id: str) -> int:
    """Has a container sampled; its first process."""
    state = connection.engine().state(container_id)
    assert state is not None
    assert state.pid is not None
    sampler.watch(container_id, state.pid)
    return state.pid


def given(connection: HostConnection, pid: int) -> tuple[float, int]:
    """The host's clock in seconds, and the nanoseconds that a process was given so far, as its own account has them."""
    ran = connection.run(["cat", "/proc/uptime", f"/proc/{pid}/schedstat"], timeout_s=10)
    uptime, _, spent, *_ = ran.stdout.split()
    return float(uptime), int(spent)


def cores_between(first: Sample, last: Sample, container_id: str) -> float:
    spent_ns = (_cpu(last, container_id) or 0) - (_cpu(first, container_id) or 0)
    return spent_ns / 1e9 / (last.at_s - first.at_s)


def until(sampler: Sampler, holds: Callable[[Sample], object], *, within_s: float = 20.0) -> list[Sample]:
    """The samples up to the one of which that holds."""
    deadline = time.monotonic() + within_s
    found = [sampler.read()]
    while not holds(found[-1]):
        assert time.monotonic() < deadline, found[-1]
        found.append(sampler.read())
    return found


def until_s(sampler: Sampler, at_s: float) -> list[Sample]:
    """The samples up to a time of the host's clock."""
    return until(sampler, lambda sample: sample.at_s >= at_s)


def memory(sample: Sample, container_id: str) -> int:
    return sample.containers.get(container_id, ContainerSample()).memory_bytes or 0


@pytest.mark.parametrize("mib", [64, 200])
def test_memory_that_is_held_is_measured(box: HostConnection, mib: int) -> None:
    with open_sampler(box) as sampler:
        made = runs(box, HOLD.format(mib=mib))
        watch(sampler, box, made)
        *_, last = until(sampler, lambda sample: memory(sample, made) >= mib * MIB)

    assert memory(last, made) == pytest.approx(mib * MIB, rel=0.02)
    assert (last.containers[made].pids or 0) in (0, 2, 3)


def test_shared_memory_counts_and_page_cache_does_not(box: HostConnection) -> None:
    command = "dd if=/dev/zero of=/dev/shm/f bs=1M count=50; dd if=/dev/zero of=/f bs=1M count=300; sleep 600"
    made = runs(box, command, ShmSize=64 * MIB)
    with open_sampler(box) as sampler:
        watch(sampler, box, made)
        found = until(sampler, lambda sample: (sample.containers[made].cache_bytes or 0) > 299 * MIB)

    assert max(memory(sample, made) for sample in found) == pytest.approx(50 * MIB, abs=4 * MIB)
    assert (found[-1].containers[made].kernel_peak_bytes or 350 * MIB) >= 350 * MIB


def test_a_mapped_file_is_no_need(box: HostConnection) -> None:
    python = Path(sys.executable).resolve()
    command = f"dd if=/dev/zero of=/f bs=1M count=300; exec 3</f; exec chroot /machine {python} -c '{MAP}'"
    made = runs(box, command, Binds=["/:/machine:ro"])
    with open_sampler(box) as sampler:
        watch(sampler, box, made)
        until(sampler, lambda sample: box.engine().logs(made).endswith(b"mapped\n"))
        found = until_s(sampler, sampler.read().at_s + 1.5)

    *_, (needed, cached) = [
        (one.memory_bytes, one.cache_bytes or 0)
        for sample in found
        if (one := sample.containers[made]).memory_bytes is not None
    ]
    assert needed < 40 * MIB  # Python's own
    assert cached > 299 * MIB


@pytest.mark.quiet
def test_a_short_spike_is_in_the_peak(box: HostConnection) -> None:
    spike = "sleep 2; dd if=/dev/zero bs=200M count=1 | (head -c 1 >/dev/null; sleep 0.2); echo over; sleep 600"
    made = runs(box, spike)
    with open_sampler(box) as sampler:
        watch(sampler, box, made)
        until(sampler, lambda sample: memory(sample, made))
        found = until(sampler, lambda sample: memory(sample, made) > 190 * MIB)
        found += until(sampler, lambda sample: 0 < memory(sample, made) < 10 * MIB)

    assert max(memory(sample, made) for sample in found) == pytest.approx(200 * MIB, rel=0.02)


def test_cores_that_are_kept_busy_in_steps_are_measured(box: HostConnection) -> None:
    made = runs(box, "exec yes >/dev/null", NanoCpus=int(STEPS[0] * 1e9))
    with open_sampler(box) as sampler:
        pid = watch(sampler, box, made)
        for cores in STEPS:
            box.engine().update(made, Limits(cpus=cores))
            until(sampler, lambda sample: made in sample.containers)
            before_s, before_ns = given(box, pid)
            found = until_s(sampler, before_s + 3)
            after_s, after_ns = given(box, pid)
            found = [sample for sample in found if sample.at_s >= before_s]

            truth = (after_ns - before_ns) / 1e9 / (after_s - before_s)
            assert cores_between(found[0], found[-1], made) == pytest.approx(truth, rel=0.03)
            assert truth < cores * 1.05


def test_vram_of_two_services_on_one_card_is_told_apart_and_a_stranger_is_named(box: HostConnection, two: Lab) -> None:
    first, second = (_on_card(box, mib) for mib in (4096, 512))
    stranger = two.hosts["box"].shell("sleep 600 >/dev/null 2>&1 & echo $!", check=True).stdout.strip()
    # The stub takes a claim for real while its name is in the process's control groups, as ":" is.
    two.hosts["box"].shell(f"echo {stranger} 256 all >/run/lab/claims/:", check=True)
    with open_sampler(box, cards_every_s=0.2) as sampler:
        *_, last = until(sampler, lambda sample: sample.cards)
    two.hosts["box"].shell(f"rm /run/lab/claims/:; kill {stranger}", check=True)

    used, other = last.cards.values()
    assert {held.container_id: held.vram_bytes for held in used.holders} == {
        first: 4096 * MIB,
        second: 512 * MIB,
        None: 256 * MIB,
    }
    assert [(held.pid, held.command) for held in used.holders if held.container_id is None] == [
        (int(stranger), "sleep")
    ]
    assert [held.vram_bytes for held in other.holders] == [256 * MIB]
    assert (used.vram_used_bytes or 0) - (other.vram_used_bytes or 0) == (4096 + 512) * MIB
    assert used.power_w == 26.78


def test_a_container_under_another_parent_is_found_and_gone_when_it_ends(two: Lab) -> None:
    with Fleet(inventory_of(two), options=options_of(two)) as fleet:
        connection = fleet.connection(host_of(two, "parent"))
        made = runs(connection, HOLD.format(mib=50))
        with open_sampler(connection) as sampler:
            watch(sampler, connection, made)
            until(sampler, lambda sample: memory(sample, made) >= 50 * MIB)
            connection.engine().stop(made, 0.0)
            until(sampler, lambda sample: made not in sample.containers)
    two.hosts["parent"].engine.clean()


def test_a_container_that_is_started_anew_counts_anew(box: HostConnection) -> None:
    made = runs(box, "while :; do :; done")
    with open_sampler(box) as sampler:
        watch(sampler, box, made)
        *_, before = until(sampler, lambda sample: (_cpu(sample, made) or 0) > 300_000_000)
        box.engine().stop(made, 0.0)
        until(sampler, lambda sample: made not in sample.containers)
        box.engine().start(made)
        watch(sampler, box, made)
        *_, after = until(sampler, lambda sample: _cpu(sample, made))

    assert (_cpu(after, made) or 0) < (_cpu(before, made) or 0)


@pytest.mark.usefixtures("impatient")
def test_a_lost_link_is_noticed_and_leaves_nothing_on_the_host(two: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.sampler.SILENT_S", 1.0)
    host = two.hosts["box"]
    with Fleet(inventory_of(two), options=options_of(two)) as fleet:
        sampler = open_sampler(fleet.connection(host_of(two, "box")))
        sampler.read()
        host.cut()
        try:
            error = _lost(sampler)
            assert eventually(lambda: not host.shell("pgrep -f 'sh -s [0-9a-f]{16}'").stdout)
        finally:
            host.mend()
            sampler.close()

    assert error.failure is Failure.RETRYABLE
    assert "does not answer" in error.message or "no sample came" in error.message


def test_a_closed_sampler_leaves_nothing_on_the_host(box: HostConnection, two: Lab) -> None:
    with open_sampler(box) as sampler:
        until(sampler, lambda sample: sample.cards)

    assert eventually(lambda: not two.hosts["box"].shell("pgrep -u ozwald -f 'sh -s|sleep|nvidia-smi'").stdout, 3)


def _cpu(sample: Sample, container_id: str) -> int | None:
    return sample.containers.get(container_id, ContainerSample()).cpu_ns


def _on_card(connection: HostConnection, mib: int) -> str:
    engine = connection.engine()
    request = {"Driver": "", "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}
    config: Mapping[str, object] = {
        "Image": IMAGE,
        "Labels": {"lab.vram_mib": str(mib)},
        "HostConfig": {"DeviceRequests": [request]},
    }
    made = engine.create(f"vram{mib}", config)
    engine.start(made)
    return made


def _lost(sampler: Sampler) -> ConnectionFailed:
    try:
        while True:
            sampler.read(5)
    except ConnectionFailed as error:
        return error
