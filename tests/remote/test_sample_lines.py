"""What the sampler's lines mean: whole, in pieces, broken and hostile."""

import pytest

from ozwald.model.sample import ContainerSample, Sample
from ozwald.remote.sample_lines import SampleReader

ID = "c" * 64
GIB = 1 << 30
CARD = "GPU-d37e67a5-91dd-3774-a5cb-99096249601a"
OTHER = "GPU-513536b6-7d19-9063-b049-1e69664bb298"
BEGUN = "a banner of the host\nozwald-sampler mark\n"
TICK = (
    "tick 100.25\nc 1 cpu=500 anon=1000 file=300 shmem=100 peak=2000 read=7 write=8 pids=3\n"
    "host busy=12 available=4\nend\n"
)
HELD = f"""nvidia holders
nvidia app {CARD}, 100, 4096, /usr/bin/python3 --secret
nvidia process 100 python3
nvidia uid 1000
nvidia group 4:memory:/docker/{ID}
nvidia app {CARD}, 200, 512, /usr/lib/xorg/Xorg
nvidia card {CARD}, 4700, 15360, 35, 70.12
nvidia card {OTHER}, 0, 15360, [N/A], [Not Supported]
nvidia .
"""
AMD = f"""node 4711 0 50432
amd card 0000:c5:00.0 - 0x1002 - -
amd mem_info_vram_total {16 * GIB}
amd mem_info_vram_used {3 * GIB}
amd gpu_busy_percent 12
amd power1_average 9000000
amd holds 300 4711 {2 * GIB}
amd process 300 llama-server
amd uid 0
amd group 0::/system.slice/docker-{ID}.scope
amd .
"""


def reader() -> SampleReader:
    return SampleReader("mark", {"1": ID}.get)


def samples(text: str, *, begun: str = BEGUN) -> list[Sample]:
    return list(reader().feed((begun + text).encode()))


def test_a_tick_gives_one_sample() -> None:
    (sample,) = samples(TICK)

    assert sample.at_s == 100.25
    assert sample.containers == {
        ID: ContainerSample(
            cpu_ns=500,
            memory_bytes=1100,
            cache_bytes=200,
            kernel_peak_bytes=2000,
            read_bytes=7,
            write_bytes=8,
            pids=3,
        )
    }
    assert sample.host is not None
    assert (sample.host.busy_ns, sample.host.memory_available_bytes) == (120_000_000, 4096)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_output_in_pieces_of_any_size_means_the_same(size: int) -> None:
    content = (BEGUN + AMD + TICK + HELD + TICK.replace("100.25", "100.35")).encode()
    cut = reader()
    pieces = (content[start : start + size] for start in range(0, len(content), size))

    assert [sample for piece in pieces for sample in cut.feed(piece)] == list(reader().feed(content))


def test_nothing_counts_before_the_script_has_announced_itself() -> None:
    silent = reader()

    assert list(silent.feed(b"sh: 1: cannot fork\n" + TICK.encode())) == []
    assert (silent.is_begun, silent.complaint) == (False, "end")
    assert list(reader().feed(b"ozwald-sampler another\n" + TICK.encode())) == []


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "0x10", "9" * 19, "\u0661", "1_0"])
def test_a_number_that_is_none_is_none(value: str) -> None:
    (sample,) = samples(TICK.replace("cpu=500", f"cpu={value}").replace("shmem=100", f"shmem={value}"))

    found = sample.containers[ID]
    assert (found.cpu_ns, found.memory_bytes, found.cache_bytes, found.pids) == (None, None, None, 3)


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "c",
        "c 2 cpu=999",
        "c 1000 cpu=999",
        "host",
        "nvidia",
        "amd card",
        "amd .",
        "nvidia .",
        "nvidia app x",
        "tick",
        "x" * 100_000,
        "\x00\xff\x1b[2J",
    ],
)
def test_lines_between_ticks_that_are_not_of_the_script_change_nothing(line: str) -> None:
    assert samples(f"{line}\n{TICK}{line}\n") == samples(TICK)


@pytest.mark.parametrize("moment", ["", "soon", "-1.00", "1", "1e3", "99.00"])
def test_a_tick_without_its_time_or_back_in_time_is_no_sample(moment: str) -> None:
    first, *rest = samples(TICK + TICK.replace("100.25", moment) + TICK.replace("100.25", "100.45"))

    assert [first.at_s, *(sample.at_s for sample in rest)] == [100.25, 100.45]


def test_a_line_without_an_end_takes_no_memory() -> None:
    flooded = reader()
    list(flooded.feed(BEGUN.encode()))
    for _ in range(100):
        list(flooded.feed(b"x" * 100_000))

    assert len(flooded._unread) < 5000
    assert [sample.at_s for sample in flooded.feed(b"\n" + TICK.encode())] == [100.25]


def test_cards_without_end_take_no_memory() -> None:
    flooded = reader()
    list(flooded.feed(BEGUN.encode()))
    for start in range(0, 50_000, 1000):
        lines = "".join(
            f"nvidia card GPU-{number}, 1, 2, 3, 4\nnode {number} 0 1\n" for number in range(start, start + 1000)
        )
        list(flooded.feed(lines.encode()))
    (sample,) = flooded.feed(f"nvidia .\n{TICK}".encode())

    assert len(sample.cards) == 128


def test_what_each_process_holds_of_an_nvidia_card_is_told_apart() -> None:
    (sample,) = samples(HELD + TICK)

    card, other = sample.cards[CARD], sample.cards[OTHER]
    assert (card.vram_used_bytes, card.vram_total_bytes) == (4700 << 20, 15360 << 20)
    assert (card.utilization_percent, card.power_w) == (35, 70.12)
    assert [(held.pid, held.vram_bytes, held.container_id, held.command) for held in card.holders] == [
        (100, 4 * GIB, ID, "python3"),
        (200, GIB // 2, None, "Xorg"),
    ]
    assert (other.vram_used_bytes, other.utilization_percent, other.power_w, other.holders) == (0, None, None, ())


def test_cards_are_in_the_sample_that_follows_them_alone() -> None:
    first, second, third = samples(
        TICK.replace("end\n", HELD + "end\n")
        + TICK.replace("100.25", "100.35")
        + f"nvidia card {CARD}, 4700, 15360, 40, 71.00\nnvidia .\n"
        + TICK.replace("100.25", "100.45")
    )

    assert (set(first.cards), set(second.cards), set(third.cards)) == ({CARD, OTHER}, set(), {CARD})
    assert third.cards[CARD].holders == first.cards[CARD].holders


def test_a_holder_that_is_gone_is_gone_with_the_next_list() -> None:
    first, second = samples(
        HELD
        + TICK
        + f"nvidia holders\nnvidia card {CARD}, 0, 15360, 0, 20.00\nnvidia .\n"
        + TICK.replace("100.25", "100.35")
    )

    assert (len(first.cards[CARD].holders), second.cards[CARD].holders) == (2, ())


def test_a_process_whose_memory_the_driver_does_not_tell_is_a_holder_all_the_same() -> None:
    (sample,) = samples(HELD.replace("100, 4096,", "100, [N/A],") + TICK)

    found = {held.pid: held for held in sample.cards[CARD].holders}[100]
    assert (found.vram_bytes, found.missing["vram_bytes"]) == (None, "nvidia-smi says [N/A]")


def test_an_amd_card_is_read_as_the_kernel_tells_it() -> None:
    (sample,) = samples(AMD + TICK)

    (card,) = sample.cards.values()
    assert list(sample.cards) == ["amd-0000:c5:00.0"]
    assert (card.vram_used_bytes, card.vram_total_bytes) == (3 * GIB, 16 * GIB)
    assert (card.utilization_percent, card.power_w) == (12, 9.0)
    assert [(held.pid, held.vram_bytes, held.container_id, held.command) for held in card.holders] == [
        (300, 2 * GIB, ID, "llama-server")
    ]
