"""The controller's data becomes what a host can have, and what it holds becomes part of the specification."""

from typing import Any

import pytest

from ozwald.errors import RequestError
from ozwald.model.data import (
    Content,
    copied_files,
    data_volume,
    filled_volume,
    filler_name,
    is_data_volume,
    is_own_copy,
    lock_name,
    read_copied_files,
)
from ozwald.model.host import Connection
from ozwald.model.service import Mount, ServiceSpec
from ozwald.planning.deliveries import with_data
from ozwald.planning.fingerprint import marks
from tests.builders import KEY, host, spec

FOLDER = Content(digest="f" * 64, size_bytes=10)
FILE = Content(digest="a" * 64, size_bytes=10, is_file=True)
AWAY = host("box1")


def data(target: str = "/config", *, source: str = "/here/config", **fields: Any) -> Mount:
    return Mount(type="bind", source=source, target=target, on_controller=True, **fields)


def arrived(*mounts: Mount, content: Content = FOLDER, **fields: Any) -> ServiceSpec:
    return with_data(spec(volumes=mounts, **fields), AWAY, lambda source: content)[0]


def test_a_folder_that_is_only_read_is_a_volume_that_all_share() -> None:
    [mount] = arrived(data(read_only=True)).volumes

    assert mount == Mount(
        type="volume", source="ozdata--default--ffffffffffffffff", target="/config", read_only=True, nocopy=True
    )


def test_a_folder_that_may_be_written_is_the_instances_own_copy() -> None:
    [mount] = arrived(data()).volumes

    assert (mount.source, mount.read_only) == ("ozdata--default--ffffffffffffffff--llm", False)


def test_a_file_is_copied() -> None:
    seen, [delivery] = with_data(spec(volumes=(data("/etc/app.conf"),)), AWAY, lambda source: FILE)

    assert seen.volumes == (Mount(type="copy", source="a" * 64, target="/etc/app.conf"),)
    assert (delivery.source, delivery.target, delivery.volume) == ("/here/config", "/etc/app.conf", None)


def test_other_mounts_stay_as_they_are_and_in_order() -> None:
    models, cache = (Mount(type="bind", source=name, target=name) for name in ("/models", "/cache"))

    seen = arrived(models, data(read_only=True), cache)

    assert [mount.target for mount in seen.volumes] == ["/models", "/config", "/cache"]
    assert (seen.volumes[0], seen.volumes[2]) == (models, cache)


def test_the_controllers_own_host_has_it_as_it_is() -> None:
    mounted = spec(volumes=(data(),))

    assert with_data(mounted, host("here", connection=Connection.LOCAL), lambda source: FOLDER) == (mounted, ())


def test_another_content_makes_another_container_and_another_place_does_not() -> None:
    def mark(content: Content, **fields: Any) -> str:
        return marks(arrived(data(**fields), content=content), (), key=KEY).fingerprint

    assert mark(FOLDER) == mark(FOLDER, source="/moved/config")
    assert mark(FOLDER) != mark(Content(digest="e" * 64, size_bytes=10))
    assert mark(FILE) != mark(Content(digest="e" * 64, size_bytes=10, is_file=True))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"read_only": True}, "cannot be put into a read_only container"),
        ({"tmpfs": ("/etc:size=1m",)}, "cannot be put into what is mounted at /etc"),
        ({"other": Mount(type="bind", source="/srv", target="/etc/app")}, "what is mounted at /etc/app"),
        ({"other": Mount(type="volume", source="etc", target="/etc/app/x.conf")}, None),
        ({"other": Mount(type="volume", source="etc", target="/et")}, None),
    ],
)
def test_a_file_is_refused_where_it_cannot_be(fields: dict[str, Any], why: str | None) -> None:
    mounts = [data("/etc/app/app.conf"), *([fields.pop("other")] if "other" in fields else [])]

    if why is None:
        assert arrived(*mounts, content=FILE, **fields)
        return
    with pytest.raises(RequestError, match=why) as error:
        arrived(*mounts, content=FILE, **fields)
    assert "/here/config is a single file" in str(error.value)


def test_the_label_of_copied_files_is_read_back_and_others_are_not_believed() -> None:
    [delivery] = with_data(spec(volumes=(data("/etc/app.conf"),)), AWAY, lambda source: FILE)[1]

    assert read_copied_files(copied_files([delivery])) == {"/etc/app.conf": "a" * 64}
    assert [read_copied_files(label) for label in ("", "[1]", "{", "[" * 10_000)] == [{}] * 4


def test_names_tell_what_a_thing_is_there_for() -> None:
    shared, own = data_volume("r", "0123456789abcdef" * 4), data_volume("r", "0123456789abcdef" * 4, "web")

    assert (is_data_volume(shared), is_data_volume(own), is_data_volume("ozdata"), is_data_volume("data")) == (
        True,
        True,
        False,
        False,
    )
    assert (is_own_copy(shared), is_own_copy(own)) == (False, True)
    assert [filled_volume(name) for name in (lock_name(own), filler_name(own), "ozsvc--r--web")] == [own, own, None]
