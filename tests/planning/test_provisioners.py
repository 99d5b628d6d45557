"""Which provisioner is meant, and which hosts it manages."""

import socket

import pytest

from ozwald.errors import RequestError
from ozwald.model.host import Provisioner
from ozwald.planning.provisioners import choose_provisioner, managed_hosts
from tests.builders import inventory

HOME = Provisioner(name="home", host="box1", hosts="gpu")
WORK = Provisioner(name="work", host="box2")
ALSO_BOX2 = Provisioner(name="spare", host="box2")
GROUPS = {"gpu": ["gpu1", "gpu2"]}


@pytest.mark.parametrize(
    ("known", "name", "chosen"),
    [
        ([HOME], None, "home"),
        ([HOME], "", "home"),
        ([HOME, WORK], "work", "work"),
        ([HOME, WORK], "box2", "work"),
        ([HOME, WORK, ALSO_BOX2], "spare", "spare"),
        ([], None, "local"),
        ([], "local", "local"),
    ],
)
def test_a_provisioner_is_chosen_by_its_name_or_its_hosts(
    known: list[Provisioner], name: str | None, chosen: str
) -> None:
    assert choose_provisioner(inventory("box1", provisioners=known), name).name == chosen


def test_without_any_there_is_one_on_this_machine_that_manages_all_hosts() -> None:
    assert choose_provisioner(inventory(), None) == Provisioner(name="local", host=socket.gethostname(), hosts="all")


@pytest.mark.parametrize(
    ("known", "name", "told"),
    [
        ([HOME, WORK], None, "set OZWALD_PROVISIONER to one of home, work"),
        ([HOME, WORK], "wrok", "no provisioner and no provisioner's host 'wrok'; known: home, work"),
        ([HOME, WORK], "zzz", "known: home, work"),
        ([WORK, ALSO_BOX2], "box2", "the host 'box2' has several provisioners; name one of them: spare, work"),
        ([], "zzz", "known: local"),
    ],
)
def test_an_unknown_or_unclear_provisioner_is_told_with_those_known(
    known: list[Provisioner], name: str | None, told: str
) -> None:
    with pytest.raises(RequestError) as refused:
        choose_provisioner(inventory("box1", provisioners=known), name)

    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("provisioner", "limit", "hosts"),
    [
        (WORK, None, ["box1", "box2", "gpu1", "gpu2"]),
        (HOME, None, ["gpu1", "gpu2"]),
        (HOME, "gpu2", ["gpu2"]),
        (HOME, "all", ["gpu1", "gpu2"]),
        (WORK, "box*:!box2", ["box1"]),
    ],
)
def test_a_provisioner_manages_its_hosts_within_the_limit(
    provisioner: Provisioner, limit: str | None, hosts: list[str]
) -> None:
    known = inventory("box1", "box2", "gpu1", "gpu2", groups=GROUPS)

    assert list(managed_hosts(known, provisioner, limit)) == hosts


def test_a_limit_outside_of_what_is_managed_is_an_error() -> None:
    with pytest.raises(RequestError, match="--limit 'box1' names no host that provisioner 'home' manages"):
        managed_hosts(inventory("box1", "gpu1", groups={"gpu": ["gpu1"]}), HOME, "box1")


def test_an_unknown_limit_is_an_error() -> None:
    with pytest.raises(RequestError, match="no host or group 'zzz'"):
        managed_hosts(inventory("box1"), WORK, "zzz")


def test_without_hosts_it_is_told_where_to_add_them() -> None:
    with pytest.raises(RequestError, match="add them to the settings"):
        managed_hosts(inventory(), WORK, None)
