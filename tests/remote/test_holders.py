import pytest

from ozwald.model.resources import Gpu, Hardware, Holder
from ozwald.remote.holders import LISTED, in_containers, parse_processes, with_containers, with_processes
from tests.builders import container

ID = "ab" * 32
OTHER = "cd" * 32


def held(*holders: Holder, more: int = 0) -> list[Gpu]:
    return [Gpu(hardware=Hardware.NVIDIA, index=0, id="GPU-1", name="T4", holders=holders, more_holders=more)]


@pytest.mark.parametrize(
    "path",
    [
        f"0::/system.slice/docker-{ID}.scope",
        f"0::/docker/{ID}",
        f"12:pids:/docker/{ID}",
        f"1:name=systemd:/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
        f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container",
        f"0::/machine.slice/libpod-{ID}.scope",
        f"0::/kubepods.slice/kubepods-pod1234_5678.slice/cri-containerd-{ID}.scope",
        f"0::/lab-key/host/{ID}/init",
        f"0::/docker/{ID}/docker/{OTHER}",
    ],
)
def test_the_container_is_known_by_the_control_group(path: str) -> None:
    processes = parse_processes(["process 7 python", "uid 0", f"group {path}"])

    (gpu,) = with_processes(held(Holder(pid=7)), processes)
    assert gpu.holders[0].container_id == ID


@pytest.mark.parametrize(
    "path", ["0::/user.slice/user-0.slice/session-3.scope", f"0::/{'ab' * 20}", f"0::/x-{'ab' * 33}", "0::/"]
)
def test_other_control_groups_are_no_container(path: str) -> None:
    (gpu,) = with_processes(held(Holder(pid=7)), parse_processes(["process 7 python", f"group {path}"]))

    assert gpu.holders[0].container_id is None
    assert not in_containers([gpu])


def test_a_user_without_a_name_is_a_number() -> None:
    lines = ["process 7 a", "uid 1000", "process 8 b", "uid 4242", "user ann:1000", "user mallory:x"]
    processes = parse_processes(lines)

    assert [processes[pid].user for pid in (7, 8)] == ["ann", "4242"]


def test_what_the_kernel_calls_a_program_counts_more_than_what_the_tool_says() -> None:
    processes = parse_processes(["process 7 VLLM::EngineCor", "uid 0", "user root:0"])

    (gpu,) = with_processes(held(Holder(pid=7, command="python")), processes)
    assert (gpu.holders[0].command, gpu.holders[0].user) == ("VLLM::EngineCor", "root")


def test_a_process_that_cannot_be_seen_keeps_what_the_tool_says_and_has_a_reason() -> None:
    (gpu,) = with_processes(held(Holder(pid=7, command="python"), Holder(pid=8)), {})

    assert gpu.holders[0].command == "python"
    assert gpu.holders[0].missing.keys() == {"user"}
    assert gpu.holders[1].missing.keys() == {"user", "command"}


def test_the_biggest_come_first_and_the_others_are_counted() -> None:
    holders = [Holder(pid=pid, vram_bytes=pid) for pid in range(1, 1000)]

    (gpu,) = with_processes(held(*holders, Holder(pid=5000), more=1000), {})
    assert [holder.pid for holder in gpu.holders] == list(range(999, 999 - LISTED, -1))
    assert gpu.more_holders == 1000 + 1000 - LISTED


def test_a_process_that_is_listed_twice_is_one() -> None:
    (gpu,) = with_processes(held(Holder(pid=7, vram_bytes=1), Holder(pid=7, vram_bytes=1)), {})

    assert (len(gpu.holders), gpu.more_holders) == (1, 0)


def test_a_container_that_is_not_ours_has_a_name_and_no_instance() -> None:
    gpus = held(Holder(pid=7, container_id=ID), Holder(pid=8, container_id=OTHER))

    (gpu,) = with_containers(gpus, [container("jellyfin", id=ID)])
    assert [(holder.container, holder.instance) for holder in gpu.holders] == [("jellyfin", None), (None, None)]


@pytest.mark.parametrize("line", ["process", "process x y", "process -1 y", "uid", "group", "user", f"process {9**12}"])
def test_lines_that_break_off_are_passed_over(line: str) -> None:
    assert parse_processes([line]) == {}
