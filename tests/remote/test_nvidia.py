import re

import pytest

from ozwald.model.resources import Hardware
from ozwald.remote.nvidia import NotNvidiaOutput, parse_mig_names, parse_nvidia
from tests.remote.recorded import A100, recorded

MIB = 1 << 20
UUIDS = [f"MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb{number:02x}" for number in range(4)]
LIST = f"GPU 0: NVIDIA A100-SXM4-80GB (UUID: {A100})\n" + "".join(
    f"  MIG 1g.20gb     Device  {number}: (UUID: {uuid})\n" for number, uuid in enumerate(UUIDS)
)
SPLIT = recorded("nvidia/a100-sxm4-v12.xml")


def log(cards: str) -> bytes:
    return f'<?xml version="1.0"?><nvidia_smi_log>{cards}</nvidia_smi_log>'.encode()


def card(facts: str, uuid: str = "GPU-a") -> str:
    return f"<gpu><uuid>{uuid}</uuid>{facts}</gpu>"


def process(pid: int, used: str = "5 MiB", name: str = "python", instance: str = "N/A") -> str:
    return (
        f"<process_info><gpu_instance_id>{instance}</gpu_instance_id><compute_instance_id>"
        f"{'0' if instance.isdecimal() else instance}</compute_instance_id><pid>{pid}</pid>"
        f"<process_name>{name}</process_name><used_memory>{used}</used_memory></process_info>"
    )


def test_every_card_gets_its_index() -> None:
    cards = parse_nvidia(log(card("", "GPU-a") + card("", "GPU-b")))

    assert [(found.hardware, found.index, found.id) for found in cards] == [
        (Hardware.NVIDIA, 0, "GPU-a"),
        (Hardware.NVIDIA, 1, "GPU-b"),
    ]


def test_what_the_driver_keeps_is_not_free() -> None:
    (t4,) = parse_nvidia(recorded("nvidia/tesla-t4.xml"))

    assert t4.vram_free_bytes == (15360 - 1032 - 388) * MIB  # nvidia-smi itself says 13939, rounding up


def test_a_card_split_into_mig_devices_is_not_given_out_and_they_are() -> None:
    whole, *parts = parse_nvidia(SPLIT, parse_mig_names(LIST.encode()))

    assert (whole.id, whole.refusal) == (A100, "it is split into MIG devices, which are given out in its place")
    assert [part.id for part in parts] == UUIDS
    assert [part.refusal for part in parts] == [None] * 4
    assert {part.name for part in parts} == {"NVIDIA A100-SXM4-80GB MIG 1g.20gb"}
    assert {part.vram_total_bytes for part in parts} == {19968 * MIB}
    assert [
        (part.mig.parent_id, part.mig.index, part.mig.gpu_instance_id, part.mig.compute_instance_id)
        for part in parts
        if part.mig
    ] == [(A100, 0, 3, 0), (A100, 1, 4, 0), (A100, 2, 5, 0), (A100, 3, 6, 0)]


def test_mig_devices_whose_uuid_nobody_tells_are_not_given_out() -> None:
    _, *parts = parse_nvidia(SPLIT)

    assert len({part.id for part in parts}) == 4
    assert {part.refusal for part in parts} == {"nvidia-smi -L does not tell its UUID, by which containers get it"}


def test_a_card_in_mig_mode_without_devices_says_what_to_do() -> None:
    text = re.sub(rb"(?s)<mig_device>.*</mig_device>", b"", SPLIT)

    (whole,) = parse_nvidia(text)
    assert whole.refusal is not None
    assert "make some, or leave the mode" in whole.refusal


def test_a_process_on_a_mig_device_holds_that_and_not_the_card() -> None:
    text = SPLIT.replace(b"<processes />", f"<processes>{process(77, instance='5')}</processes>".encode())

    whole, *parts = parse_nvidia(text, parse_mig_names(LIST.encode()))
    assert whole.holders == ()
    assert [[holder.pid for holder in part.holders] for part in parts] == [[], [], [77], []]


def test_numbers_of_mig_devices_may_have_gaps() -> None:
    gone = re.sub(rb"(?s)<mig_device>.*?</mig_device>", b"", SPLIT, count=1)

    _, first, *_ = parse_nvidia(gone, parse_mig_names(LIST.encode()))
    assert first.id == UUIDS[1]


@pytest.mark.parametrize("silence", ["N/A", "[N/A]", "[Unknown Error]", "Requested functionality has been deprecated"])
def test_facts_that_the_tool_withholds_are_none_and_it_is_quoted(silence: str) -> None:
    memory = f"<fb_memory_usage><total>{silence}</total><used>Insufficient Permissions</used></fb_memory_usage>"
    (found,) = parse_nvidia(log(card(memory)))

    assert (found.vram_total_bytes, found.vram_used_bytes, found.vram_free_bytes) == (None, None, None)
    assert found.missing["vram_total_bytes"] == f"nvidia-smi says {silence}"
    assert found.missing["vram_used_bytes"] == "nvidia-smi says Insufficient Permissions"
    assert found.missing["power_w"] == "nvidia-smi does not report it"
    assert found.unified_memory is False


@pytest.mark.parametrize(
    ("name", "mode", "shared"),
    [
        ("NVIDIA GB10", "ATS", True),
        ("NVIDIA GB10", "None", True),
        ("Orin (nvgpu)", "N/A", True),
        ("NVIDIA N9X", "ATS", True),
        ("NVIDIA GeForce RTX 3090", "HMM", False),
    ],
)
def test_a_card_without_memory_of_its_own_is_told_from_one_that_withholds_it(
    name: str, mode: str, shared: bool
) -> None:
    facts = f"<product_name>{name}</product_name><addressing_mode>{mode}</addressing_mode>"
    memory = "<fb_memory_usage><total>N/A</total><used>N/A</used></fb_memory_usage>"

    (found,) = parse_nvidia(log(card(facts + memory)))
    assert found.unified_memory is shared


def test_a_card_with_memory_of_its_own_is_not_unified_whatever_its_mode() -> None:
    memory = "<addressing_mode>ATS</addressing_mode><fb_memory_usage><total>97871 MiB</total></fb_memory_usage>"

    assert parse_nvidia(log(card(memory)))[0].unified_memory is False


def test_errors_of_every_kind_of_memory_are_added_up() -> None:
    counts = "<sram_uncorrectable_parity>1</sram_uncorrectable_parity><sram_correctable>50</sram_correctable>"
    counts += "<sram_uncorrectable_secded>2</sram_uncorrectable_secded><dram_uncorrectable>4</dram_uncorrectable>"

    (found,) = parse_nvidia(log(card(f"<ecc_errors><volatile>{counts}</volatile></ecc_errors>")))
    assert found.ecc_uncorrected_errors == 7


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("/opt/microsoft/msedge/msedge --type=gpu-process --token=abc", "msedge"),
        ("python -m vllm --api-key secret", "python"),
        (r"C:\Program Files\Ollama\ollama app.exe", "ollama app.exe"),
        ("VLLM::EngineCore", "VLLM::EngineCore"),
        ("[Not Found]", None),
        ("", None),
        ("\u202eevil\u009b31m", "evil 31m"),
    ],
)
def test_of_a_command_only_the_program_is_kept(said: str, command: str | None) -> None:
    (found,) = parse_nvidia(log(card(f"<processes>{process(1, name=said)}</processes>")))

    assert found.holders[0].command == command


def test_memory_that_a_process_hides_has_a_reason() -> None:
    (found,) = parse_nvidia(log(card(f"<processes>{process(1, used='[N/A]')}</processes>")))

    assert found.holders[0].vram_bytes is None
    assert found.holders[0].missing == {"vram_bytes": "nvidia-smi says [N/A]"}


@pytest.mark.parametrize("uuid", ["", "N/A", "GPU-1,GPU-2", "all", "GPU-" + "a" * 200, "GPU-\u202e"])
def test_a_card_that_cannot_be_asked_for_is_listed_and_not_given_out(uuid: str) -> None:
    (found,) = parse_nvidia(log(card("<pci><pci_bus_id>0000000F:01:00.0</pci_bus_id></pci>", uuid)))

    assert (found.id, found.refusal is None) == ("nvidia-000f:01:00.0", False)


def test_cards_that_show_one_uuid_keep_apart() -> None:
    first, second = parse_nvidia(recorded("nvidia/dual_2080-v13.xml"))

    assert first.id != second.id
    assert first.refusal is None
    assert second.refusal == f"another card has the same id {first.id}"


def test_a_warning_before_the_xml_is_passed_over() -> None:
    text = b"WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n" + recorded("nvidia/tesla-t4.xml")

    assert len(parse_nvidia(text)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "printed nothing"),
        (b"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "couldn't communicate"),
        (b"<?xml version='1.0'?><nvidia_smi_log><gpu>", "not XML"),
        (b"<?xml version='1.0'?><html/>", "not nvidia-smi's"),
        (b"<?xml version='1.0'?>\xff\xfe\x00", "not XML"),
        (log("<gpu/>" * 1000), "more than 256 cards"),
    ],
)
def test_other_output_is_refused_with_what_it_is(text: bytes, reason: str) -> None:
    with pytest.raises(NotNvidiaOutput, match=reason):
        parse_nvidia(text)


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
        '<!ENTITY % b "x">',
        '<!ATTLIST gpu a CDATA "long">',
    ],
)
def test_a_bomb_is_refused_before_it_unfolds(declarations: str) -> None:
    text = f'<?xml version="1.0"?><!DOCTYPE nvidia_smi_log [{declarations}]><nvidia_smi_log>&b;</nvidia_smi_log>'

    with pytest.raises(NotNvidiaOutput, match="entities"):
        parse_nvidia(text.encode())


def test_elements_without_end_in_each_other_cost_no_more_than_their_length() -> None:
    deep = "<a>" * 200_000 + "</a>" * 200_000

    assert [found.id for found in parse_nvidia(log(card(deep)))] == ["GPU-a"]


def test_a_million_processes_are_counted_and_the_first_listed() -> None:
    text = log(card("<processes>" + process(7) * 9000 + "</processes>"))

    (found,) = parse_nvidia(text)
    assert (len(found.holders), found.more_holders) == (512, 9000 - 512)


def test_what_came_before_the_cut_is_kept() -> None:
    text = recorded("nvidia/tesla-t4.xml")

    (found,) = parse_nvidia(text[: text.index(b"<pid>5762")], is_cut=True)
    assert (found.name, found.vram_used_bytes) == ("Tesla T4", 1032 * MIB)
    assert [holder.pid for holder in found.holders] == [675]


def test_a_list_that_is_something_else_names_no_mig_device() -> None:
    assert parse_mig_names(b"  MIG 1g.5gb  Device  0: (UUID: x)\n\xff\nGPU 0: (UUID: GPU-1)\n") == {}
