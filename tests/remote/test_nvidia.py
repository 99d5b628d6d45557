from pathlib import Path

import pytest

from ozwald.model.resources import Hardware
from ozwald.remote.nvidia import NotNvidiaOutput, parse_nvidia

RECORDINGS = Path(__file__).parent.parent / "recordings" / "nvidia"
MIB = 1 << 20


@pytest.mark.parametrize(
    ("recording", "name", "total_mib", "used_mib", "driver", "address"),
    [
        ("tesla-t4.xml", "Tesla T4", 15360, 1032, "515.105.01", "0000:00:1e.0"),
        ("a10g.xml", "NVIDIA A10G", 23028, 22, "515.105.01", "0000:00:1e.0"),
        ("rtx-3080-v12.xml", "NVIDIA GeForce RTX 3080", 10240, 1128, "536.40", "0000:04:00.0"),
        ("rtx-3090-v12.xml", "NVIDIA GeForce RTX 3090", 24576, 1, "525.147.05", "0000:00:10.0"),
    ],
)
def test_one_card_is_read(recording: str, name: str, total_mib: int, used_mib: int, driver: str, address: str) -> None:
    (card,) = parse_nvidia((RECORDINGS / recording).read_bytes())

    assert (card.hardware, card.index, card.name) == (Hardware.NVIDIA, 0, name)
    assert card.id.startswith("GPU-")
    assert card.vram_total_bytes == total_mib * MIB
    assert card.vram_used_bytes == used_mib * MIB
    assert (card.driver_version, card.pci_address) == (driver, address)


def test_a_card_split_into_mig_devices_keeps_its_own_memory_and_says_so() -> None:
    cards = parse_nvidia((RECORDINGS / "a100-sxm4-v12.xml").read_bytes())

    assert [card.name for card in cards] == ["NVIDIA A100-SXM4-80GB (MIG)"]
    assert cards[0].vram_total_bytes == 81920 * MIB


def test_every_card_gets_its_index() -> None:
    text = _cards("<gpu><uuid>GPU-a</uuid></gpu><gpu><uuid>GPU-b</uuid></gpu>")

    assert [(card.index, card.id) for card in parse_nvidia(text)] == [(0, "GPU-a"), (1, "GPU-b")]


def test_facts_that_the_tool_withholds_are_none() -> None:
    memory = "<fb_memory_usage><total>N/A</total><used>Insufficient Permissions</used></fb_memory_usage>"
    (card,) = parse_nvidia(_cards(f"<gpu><uuid>GPU-a</uuid>{memory}</gpu>"))

    assert (card.vram_total_bytes, card.vram_used_bytes, card.vram_free_bytes) == (None, None, None)
    assert card.driver_version is None


def test_a_warning_before_the_xml_is_passed_over() -> None:
    text = b"WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n" + (RECORDINGS / "tesla-t4.xml").read_bytes()

    assert len(parse_nvidia(text)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "printed nothing"),
        (b"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "couldn't communicate"),
        (b"<?xml version='1.0'?><nvidia_smi_log><gpu>", "not XML"),
        (b"<?xml version='1.0'?><html/>", "not nvidia-smi's"),
        (b"<?xml version='1.0'?>\xff\xfe\x00", "not XML"),
    ],
)
def test_other_output_is_refused_with_what_it_is(text: bytes, reason: str) -> None:
    with pytest.raises(NotNvidiaOutput, match=reason):
        parse_nvidia(text)


def test_an_entity_bomb_is_refused_before_it_unfolds() -> None:
    bomb = '<!DOCTYPE nvidia_smi_log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    text = f'<?xml version="1.0"?>{bomb}<nvidia_smi_log><driver_version>&b;</driver_version></nvidia_smi_log>'

    with pytest.raises(NotNvidiaOutput, match="entities"):
        parse_nvidia(text.encode())


def _cards(cards: str) -> bytes:
    return f'<?xml version="1.0"?><nvidia_smi_log>{cards}</nvidia_smi_log>'.encode()
