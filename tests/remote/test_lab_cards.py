"""Cards as a probe sees them through a real sshd and a real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.model.resources import Gpu
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from tests.lab import HostOptions, Lab
from tests.lab.errors import LabError
from tests.lab.standard import IMAGE
from tests.remote.reach import host_of, inventory_of, options_of

pytestmark = pytest.mark.lab

GIB = 1 << 30
TREE = (Path(__file__).parent / "amd_tree.sh").read_text()
OURS = {"ozwald.realm": "default", "ozwald.instance": "chat", "ozwald.service": "llama"}


@pytest.fixture(scope="module")
def mig(tmp_path_factory: pytest.TempPathFactory, lab_image: Path) -> Iterator[Lab]:
    with Lab.start(
        tmp_path_factory.mktemp("mig") / "lab", {"mig1": HostOptions(nvidia="a100-sxm4-v12.xml")}
    ) as running:
        running.load_image(lab_image)
        yield running


def cards(lab: Lab, name: str) -> tuple[Gpu, ...]:
    with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
        return probe(fleet.connection(host_of(lab, name))).gpus


def on_cards(*ids: str) -> dict[str, object]:
    return {"DeviceRequests": [{"Driver": "", "DeviceIDs": list(ids), "Capabilities": [["gpu"]]}]}


def test_a_container_that_holds_a_card_is_named_with_its_instance(clean_hosts: Lab) -> None:
    engine = clean_hosts.hosts["gpu1"].engine
    (card,) = cards(clean_hosts, "gpu1")
    labels = {"lab.vram_mib": "4096"}
    engine.run(IMAGE, name="ours", Labels=labels | OURS, HostConfig=on_cards(card.id))
    engine.run(IMAGE, name="theirs", Labels=labels, HostConfig=on_cards(card.id))

    (card,) = cards(clean_hosts, "gpu1")

    found = {holder.container: holder for holder in card.holders if holder.container}
    assert set(found) == {"ours", "theirs"}
    assert {holder.vram_bytes for holder in found.values()} == {4 * GIB}
    assert (found["ours"].realm, found["ours"].instance, found["ours"].service) == ("default", "chat", "llama")
    assert (found["theirs"].instance, found["theirs"].user, found["theirs"].missing) == (None, "root", {})
    assert [holder.command for holder in card.holders if not holder.container] == ["python", "Xorg"]


def test_the_engine_gives_out_mig_devices_by_the_ids_that_are_found(mig: Lab) -> None:
    whole, *parts = cards(mig, "mig1")

    assert whole.refusal is not None
    assert [part.refusal for part in parts] == [None] * 4
    engine = mig.hosts["mig1"].engine
    engine.run(IMAGE, name="slice", HostConfig=on_cards(parts[1].id))
    with pytest.raises(LabError, match="unknown device"):
        engine.run(IMAGE, name="nowhere", HostConfig=on_cards(f"{whole.id}/mig-1"))


def test_an_amd_card_with_its_nodes_can_be_given_out(lab: Lab) -> None:
    (card,) = cards(lab, "amd1")

    assert (card.refusal, card.render_node) == (None, "/dev/dri/renderD128")
    assert card.power_limit_w == 211


def test_an_amd_card_is_read_from_the_kernel_where_there_are_no_tools(tmp_path: Path) -> None:
    with Lab.start(tmp_path / "lab", {"apu": HostOptions(docker=False)}) as lab:
        lab.hosts["apu"].shell(TREE, check=True)
        with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
            found = probe(fleet.connection(host_of(lab, "apu")))

    (card,) = found.gpus
    assert (card.id, card.unified_memory, card.render_node) == ("amd-0000:c5:00.0", True, "/dev/dri/renderD128")
    assert card.vram_total_bytes == 536870912 + 8589934592
    assert (card.power_w, card.temperature_c, card.utilization_percent) == (9, 41, 12)
    assert [(held.vram_bytes, held.command, held.user) for held in card.holders] == [(73400320, "sleep", "nobody")]
    assert [(other.name, other.driver) for other in found.other_cards] == [
        ("Intel card 56a0", None),
        ("ASPEED card 2000", None),
    ]
