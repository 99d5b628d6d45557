"""What is taken fits any terminal, and nothing of a host can do harm there."""

from dataclasses import replace

import pytest

from ozwald.cli.bars import ASCII
from ozwald.cli.top_view import top_lines
from ozwald.model.live import CardUse, HostUse, OthersUse, ServiceUse
from ozwald.model.resources import Hardware, Holder

GIB = 1 << 30
CHAT = ServiceUse(
    container_id="c" * 64,
    realm="default",
    name="chat",
    service="llama",
    cpu_cores=1.25,
    memory_bytes=3 * GIB,
    vram_bytes=4 * GIB,
)
T4 = CardUse(
    id="GPU-1",
    index=0,
    name="Tesla T4",
    hardware=Hardware.NVIDIA,
    vram_used_bytes=5 * GIB,
    vram_total_bytes=16 * GIB,
    utilization_percent=65,
    power_w=26.8,
    holders=(
        Holder(pid=1, vram_bytes=4 * GIB, container_id="c" * 64, realm="default", instance="chat", service="llama"),
        Holder(pid=2, vram_bytes=GIB, command="Xorg", user="root"),
    ),
)
BOX = HostUse(
    host="box1",
    cpu_count=8,
    cpu_cores=2.0,
    memory_total_bytes=32 * GIB,
    memory_available_bytes=24 * GIB,
    cards=(T4,),
    services=(CHAT,),
    others=OthersUse(count=2, cpu_cores=0.5, memory_bytes=GIB),
)
DOWN = HostUse(host="box2", failure="no answer from 10.0.0.2 port 22")
NEW = HostUse(host="box3")
FLEET = (BOX, DOWN, NEW)


def plain(*found: HostUse, width: int | None = None, height: int | None = None) -> list[str]:
    return [line.plain for line in top_lines(found, width=width, height=height, glyphs=ASCII)]


def test_a_host_its_cards_its_holders_and_its_services_have_lines() -> None:
    assert plain(*FLEET) == [
        "HOST                      CPU    MEMORY        VRAM",
        "box1                      2.0/8  8.0/32.0 GiB  5.0/16.0 GiB",
        "  card 0 Tesla T4         65 %   27 W          5.0/16.0 GiB",
        "    held by chat (llama)                       4.00 GiB",
        "    held by root: Xorg                         1.00 GiB",
        "  chat (llama)            1.25   3.00 GiB      4.00 GiB",
        "  2 other containers      0.50   1.00 GiB",
        "box2  no answer from 10.0.0.2 port 22",
        "box3  connecting",
    ]


@pytest.mark.parametrize("width", range(1, 140, 7))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, plain(*FLEET, width=width))) <= width


@pytest.mark.parametrize("height", [1, 2, 5, 100])
def test_there_are_no_more_lines_than_the_terminal_has(height: int) -> None:
    lines = plain(*FLEET, width=80, height=height)

    assert len(lines) <= max(2, height)
    assert ("more lines" in lines[-1]) == (height < 9)


def test_bars_are_parts_of_the_host() -> None:
    lines = plain(BOX, width=90)

    assert lines[1].count("#") > 0
    full = [line.split()[-3].count("#") for line in (lines[1], lines[5])]
    assert full[0] >= full[1]


def test_what_is_not_known_is_a_question_mark_and_has_no_bar() -> None:
    silent = replace(BOX, cpu_cores=None, memory_available_bytes=None, cards=(replace(T4, vram_used_bytes=None),))
    line = plain(silent, width=90)[1]

    assert "#" not in line
    assert line.split() == ["box1", "?/8", "?/32.0", "GiB", "?/16.0", "GiB"]


def test_text_of_hosts_is_made_harmless() -> None:
    evil = "\x1b[2Jx\x07\nmore"
    hostile = HostUse(
        host="box1",
        engine_failure=evil,
        cpu_count=1,
        cards=(replace(T4, name=evil, holders=(Holder(pid=1, command=evil),)),),
        services=(replace(CHAT, name=evil, realm=evil, service=evil),),
    )

    text = "".join(plain(hostile, replace(DOWN, failure=evil)))
    assert not any(ord(character) < 32 for character in text)
    assert "\\x1b[2Jx" in text
