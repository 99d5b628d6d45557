"""A run goes through its phases and tells what the service takes; however it ends, nothing that it made is left."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError
from ozwald.execution.health import Interrupted
from ozwald.execution.instance import LaunchFailed
from ozwald.execution.measuring import RunFailed
from ozwald.model.container import measured_name
from ozwald.model.footprint import Phase
from ozwald.model.service import Mount, RunScript
from tests.builders import port
from tests.execution.measuring import MIB, RUN_ID, Rig, samples
from tests.fakes.engine import ExecOutcome, FakeContainer, FakeEngine
from tests.fakes.sampler import FakeSampler
from tests.waiting import eventually

NAME = measured_name("default", "llm", RUN_ID)
MODELS = Mount(type="volume", source="models", target="/models")


@pytest.fixture
def rig() -> Rig:
    return Rig()


def sh(line: str, folder: Path) -> RunScript:
    return RunScript(line=line, folder=str(folder))


def test_a_run_goes_through_its_phases_and_tells_what_the_service_takes(rig: Rig) -> None:
    found, trace = rig.measure(run_time_s=0.1)

    assert rig.phases == [Phase.BASELINE, Phase.PULL, Phase.START, Phase.LOAD, Phase.READY, Phase.STOP]
    assert found.usage.memory_bytes == 100 * MIB
    assert found.usage.cpu_cores == pytest.approx(0.5, rel=0.03)
    assert (found.host, found.image, found.image_bytes, found.script_exit_code) == ("box1", "llm:1", 1000, None)
    assert trace.memory_bytes is not None
    assert rig.left == []


def test_the_container_is_named_and_marked_as_a_runs(rig: Rig) -> None:
    seen: list[FakeContainer] = []
    rig.engine.on_start = seen.append

    rig.measure()

    labels = seen[0].config["Labels"]
    assert seen[0].name == NAME
    assert labels["ozwald.footprint"] == RUN_ID
    assert "ozwald.instance" not in labels


def test_what_the_host_has_is_used_and_stays(rig: Rig) -> None:
    rig.engine.ensure_volume("models")

    rig.measure(volumes=(MODELS,))

    assert rig.left == ["models"]


def test_a_volume_that_is_missing_is_made_under_a_name_of_the_runs_own(rig: Rig) -> None:
    volumes: list[str] = []
    rig.engine.on_start = lambda container: volumes.extend(rig.engine.stored)

    rig.measure(volumes=(MODELS,))

    assert volumes == [measured_name("default", "models", RUN_ID)]
    assert rig.left == []


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.UNDER_LOAD])
def test_a_run_that_is_stopped_in_any_phase_leaves_nothing(rig: Rig, phase: Phase) -> None:
    rig.on_phase = lambda now: rig.stop.set() if now is phase else None

    if phase is Phase.STOP:
        rig.measure(volumes=(MODELS,))
    else:
        with pytest.raises(Interrupted):
            rig.measure(volumes=(MODELS,))

    assert rig.left == []


@pytest.mark.parametrize("method", ["ensure_volume", "create", "start", "stop"])
def test_an_engine_that_fails_at_any_step_has_nothing_left(rig: Rig, method: str) -> None:
    refused = EngineError("box1", f"{method}: no space left on device", failure=Failure.TERMINAL)
    rig.engine.fail(method, refused)

    with pytest.raises((HostError, LaunchFailed), match="no space left"):
        rig.measure(volumes=(MODELS,))

    assert rig.left == []


def test_an_image_that_cannot_be_pulled_fails_the_run(rig: Rig) -> None:
    with pytest.raises(HostError, match="not found"):
        rig.measure(image="gone:1")

    assert rig.left == []


def test_a_crash_while_loading_fails_the_run_and_keeps_the_log(rig: Rig) -> None:
    def crash(container: FakeContainer) -> None:
        container.log = b"the model is missing\n"
        rig.engine.exit(container.name, 7)

    rig.engine.on_start = crash

    with pytest.raises(LaunchFailed, match=r"exit code 7.*get_footprint_logs llm --log-type runner"):
        rig.measure()

    assert rig.logs == [b"the model is missing\n"]
    assert rig.left == []


def test_a_service_that_ends_at_rest_fails_the_run(rig: Rig) -> None:
    rig.on_phase = lambda phase: rig.engine.exit(NAME, 137, oom_killed=True) if phase is Phase.READY else None

    with pytest.raises(RunFailed, match="out of memory"):
        rig.measure()

    assert rig.left == []


def test_a_script_of_the_controller_has_the_services_address_and_not_the_key(rig: Rig, tmp_path: Path) -> None:
    line = 'echo "$OZWALD_HOST $OZWALD_SYSTEM_KEY" > said; test -z "$OZWALD_SYSTEM_KEY"'

    found, _ = rig.measure(script=sh(line, tmp_path), ports=(port(8000),))

    assert (tmp_path / "said").read_text() == "box1.lan \n"
    assert found.script_exit_code == 0
    assert Phase.UNDER_LOAD in rig.phases


def test_a_script_that_fails_fails_the_run_and_says_so(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="exit status 3"):
        rig.measure(script=sh("echo no answer; exit 3", tmp_path))

    assert any("no answer" in step.detail for step in rig.steps)
    assert rig.left == []


def test_a_script_that_is_cancelled_ends_with_its_children(rig: Rig, tmp_path: Path) -> None:
    line = "sleep 60 & echo $! > child; touch begun; wait"
    rig.on_phase = lambda phase: _when((tmp_path / "begun").exists, rig.stop.set) if phase is Phase.UNDER_LOAD else None

    with pytest.raises(Interrupted):
        rig.measure(script=sh(line, tmp_path))

    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: "sleep" not in _command(child), 5)


def test_a_script_ends_with_all_its_children_when_its_controller_is_killed(tmp_path: Path) -> None:
    line = "(trap '' TERM; sleep 60) & echo $! > child; wait"
    code = f"""
from ozwald.execution.clock import MONOTONIC
from ozwald.execution.run_script import run_on_controller
from ozwald.model.service import RunScript
import time
script = RunScript(line={line!r}, folder={str(tmp_path)!r})
run_on_controller(script, {{}}, deadline=float("inf"), pause=lambda: time.sleep(0.1), clock=MONOTONIC)
"""
    controller = subprocess.Popen([sys.executable, "-c", code])
    assert eventually((tmp_path / "child").exists, 20)

    controller.kill()
    controller.wait()

    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: _command(child) == "", 10)


def test_a_script_that_floods_and_leaves_something_behind_ends_with_its_last_words(rig: Rig, tmp_path: Path) -> None:
    line = "head -c 50000000 /dev/zero; sleep 60 & echo the end"

    found, _ = rig.measure(script=sh(line, tmp_path))

    assert found.script_exit_code == 0
    [written] = [step.detail for step in rig.steps if step.detail]
    assert len(written) <= 64 * 1024
    assert written.endswith("the end\n")


@pytest.mark.parametrize("in_container", [False, True])
def test_a_script_that_does_not_end_fails_the_run_at_its_deadline(
    rig: Rig, tmp_path: Path, *, in_container: bool
) -> None:
    rig.script_s = 0.1
    rig.engine.on_exec = lambda words, given: _late()
    script = RunScript(line="sleep 60", folder="" if in_container else str(tmp_path), in_container=in_container)

    with pytest.raises(RunFailed, match="not done in time"):
        rig.measure(script=script)

    assert rig.left == []


def test_a_script_whose_folder_is_gone_fails_the_run(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="cannot be started"):
        rig.measure(script=sh("true", tmp_path / "gone"))


def test_a_log_that_cannot_be_read_keeps_nothing_from_being_removed(rig: Rig) -> None:
    rig.engine.fail("logs")

    rig.measure()

    assert rig.left == []


def test_what_a_script_writes_is_kept_without_secrets(rig: Rig, tmp_path: Path) -> None:
    rig.measure(script=sh("echo they are s3cr3t-one", tmp_path), environment={"API_TOKEN": "s3cr3t-one"})

    assert any("they are ****" in step.detail for step in rig.steps)


def test_a_service_that_ends_under_load_fails_the_run_and_not_its_script(rig: Rig, tmp_path: Path) -> None:
    rig.on_phase = lambda phase: rig.engine.exit(NAME, 137, oom_killed=True) if phase is Phase.UNDER_LOAD else None

    with pytest.raises(RunFailed, match="out of memory"):
        rig.measure(script=sh("exit 7", tmp_path))


def test_a_container_that_was_started_again_is_not_measured(rig: Rig) -> None:
    def start_again(phase: Phase) -> None:
        if phase is Phase.READY:
            rig.engine.exit(NAME, 0)
            rig.engine.start(rig.engine.named(NAME).id)

    rig.on_phase = start_again

    with pytest.raises(RunFailed, match="started its container again"):
        rig.measure()


def test_what_an_engine_does_not_say_at_the_end_is_not_measured(rig: Rig) -> None:
    def restart_engine(phase: Phase) -> None:
        if phase is Phase.READY:
            rig.engine.exit(NAME, 137)
            rig.engine.fail("state")

    rig.on_phase = restart_engine

    with pytest.raises(EngineError):
        rig.measure()

    assert rig.left == []


def test_a_service_that_lost_a_process_for_want_of_memory_is_not_measured(rig: Rig) -> None:
    def lose_one(phase: Phase) -> None:
        if phase is Phase.READY:
            rig.engine.named(NAME).oom_killed = True

    rig.on_phase = lose_one

    with pytest.raises(RunFailed, match="out of memory"):
        rig.measure()


def test_a_script_may_run_in_the_container(rig: Rig) -> None:
    asked: list[list[str]] = []

    def act(words: object, given: bytes) -> ExecOutcome:
        asked.append(list(words))  # type: ignore[call-overload]
        return ExecOutcome(exit_code=0)

    rig.engine.on_exec = act

    found, _ = rig.measure(script=RunScript(line="python3 /bench.py", in_container=True))

    assert asked == [["sh", "-c", "python3 /bench.py"]]
    assert found.script_exit_code == 0


def test_a_lost_connection_is_noted_and_sampling_goes_on(rig: Rig) -> None:
    container_id = "000000000001".ljust(64, "0")
    endless = samples(container_id)
    first = FakeSampler(next(endless) for _ in range(5))
    opened = [first, FakeSampler(endless)]
    rig.open_sampler = lambda: opened.pop(0)

    found, _ = rig.measure(run_time_s=1.3)

    assert found.usage.memory_bytes == 100 * MIB
    assert any("samples are missing" in step.text for step in rig.steps)


def test_a_run_goes_on_over_another_link_when_one_was_lost(rig: Rig) -> None:
    fake, first = rig.engine, Link(rig.engine)
    rig.engine = first  # type: ignore[assignment]

    def lose_the_link(phase: Phase) -> None:
        if phase is Phase.READY:
            first.is_lost = True
            rig.engine = fake

    rig.on_phase = lose_the_link

    found, _ = rig.measure()

    assert found.image_bytes == 1000
    assert rig.left == []


def test_a_host_that_cannot_be_sampled_fails_the_run(rig: Rig) -> None:
    def refuse() -> FakeSampler:
        raise ConnectionFailed("box1", "it has no /proc", failure=Failure.TERMINAL)

    rig.open_sampler = refuse

    with pytest.raises(ConnectionFailed, match="no /proc"):
        rig.measure()

    assert rig.left == []


class Link:
    """An engine for as long as the link to it is there."""

    host_name = "box1"

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.is_lost = False

    def __getattr__(self, name: str) -> object:
        if self.is_lost:
            raise EngineError("box1", "the link was cut", failure=Failure.UNKNOWN)
        return getattr(self._engine, name)


def _when(holds: Callable[[], bool], act: Callable[[], None]) -> None:
    def wait() -> None:
        while not holds():
            threading.Event().wait(0.01)
        act()

    threading.Thread(target=wait, daemon=True).start()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _late() -> ExecOutcome:
    threading.Event().wait(1.0)
    return ExecOutcome()
