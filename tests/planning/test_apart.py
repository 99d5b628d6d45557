"""What a run makes has names of its own; what the host has already is used as it is."""

from ozwald.model.data import Content, Delivery, data_volume, is_own_copy
from ozwald.model.plan import Placement
from ozwald.model.realm import Network
from ozwald.model.service import Attachment, Mount
from ozwald.planning.apart import kept_apart
from tests.builders import spec

MODELS = Mount(type="volume", source="models", target="/models")
HOST_PATH = Mount(type="bind", source="/srv", target="/srv")
DIGEST = "0123456789abcdef" * 4
SHARED = data_volume("default", DIGEST)


def placed(*mounts: Mount, **fields: object) -> Placement:
    attachments = (Attachment(network="default"), Attachment(network="back"), Attachment(network="outside"))
    return Placement(
        spec=spec(instance="footprint-r-0", volumes=mounts, networks=attachments),
        host="box1",
        networks=(Network(key="default"), Network(key="back"), Network(key="outside", external=True)),
        **fields,  # type: ignore[arg-type]
    )


def test_what_is_missing_gets_names_of_the_runs_own() -> None:
    apart = kept_apart(placed(MODELS, HOST_PATH), run_id="r-0", networks=["oznet--default--default"], volumes=[])

    assert [mount.source for mount in apart.spec.volumes] == ["ozfoot--default--models--r-0", "/srv"]
    assert [network.name_on_host("default") for network in apart.networks] == [
        "oznet--default--default", "ozfoot--default--back--r-0", "outside",
    ]  # fmt: skip


def test_a_volume_that_is_there_is_used() -> None:
    assert kept_apart(placed(MODELS), run_id="r-0", networks=[], volumes=["models"]).spec.volumes == (MODELS,)


def test_data_that_is_not_on_the_host_is_sent_as_a_copy_of_the_runs_own() -> None:
    mount = Mount(type="volume", source=SHARED, target="/data", read_only=True)
    delivery = Delivery(
        source="/settings/data", target="/data", content=Content(digest=DIGEST, size_bytes=1), volume=SHARED
    )

    apart = kept_apart(placed(mount, deliveries=(delivery,)), run_id="r-0", networks=[], volumes=[])

    [moved], [sent] = apart.spec.volumes, apart.deliveries
    assert moved.source == sent.volume == data_volume("default", DIGEST, "footprint-r-0")
    assert is_own_copy(moved.source or "")


def test_data_that_another_service_reads_is_read_where_it_is() -> None:
    mount = Mount(type="volume", source=SHARED, target="/data", read_only=True)

    assert kept_apart(placed(mount), run_id="r-0", networks=[], volumes=[SHARED]).spec.volumes == (mount,)
