"""Every recording is read right."""

import pytest

from tests.remote.recorded import AMD, EVERY, HOLDERS, MEASURED, NVIDIA, read

MIB = 1 << 20


def mib(count: int | None) -> int | None:
    return None if count is None else count // MIB


def test_every_recording_is_in_the_tables() -> None:
    assert {f"nvidia/{name}" for name in NVIDIA} | {f"amd/{name}" for name in AMD} == set(EVERY)


@pytest.mark.parametrize("name", NVIDIA)
def test_an_nvidia_recording_is_read_right(name: str) -> None:
    driver, rows = NVIDIA[name]

    cards = read(f"nvidia/{name}")

    assert {card.driver_version for card in cards} == {driver}
    assert [
        (
            card.id,
            card.name,
            (mib(card.vram_total_bytes), mib(card.vram_used_bytes), mib(card.vram_reserved_bytes)),
            (card.power_w, card.power_limit_w),
            (card.temperature_c, card.utilization_percent, card.ecc_enabled, card.ecc_uncorrected_errors),
        )
        for card in cards
    ] == rows


@pytest.mark.parametrize("name", NVIDIA)
def test_who_holds_an_nvidia_card_is_read_right(name: str) -> None:
    found = [
        (holder.pid, holder.command, mib(holder.vram_bytes))
        for card in read(f"nvidia/{name}")
        for holder in card.holders
    ]

    assert found == HOLDERS.get(name, [])


@pytest.mark.parametrize("name", AMD)
def test_an_amd_recording_is_read_right(name: str) -> None:
    driver, rows = AMD[name]

    cards = read(f"amd/{name}")

    assert {card.driver_version for card in cards} == {driver}
    assert [
        (
            *(card.pci_address, card.name, card.vram_total_bytes, card.vram_used_bytes),
            *(card.power_w, card.power_limit_w, card.temperature_c),
        )
        for card in cards
    ] == rows
    assert [card.id for card in cards] == [f"amd-{row[0]}" for row in rows]


@pytest.mark.parametrize("name", EVERY)
def test_facts_that_are_not_there_have_a_reason(name: str) -> None:
    for card in read(name):
        silent = {fact for fact in MEASURED[card.hardware] if getattr(card, fact) is None}
        assert silent == MEASURED[card.hardware] & card.missing.keys()
