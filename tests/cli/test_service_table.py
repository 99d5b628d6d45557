"""The table of active services has the columns that say something."""

import pytest

from ozwald.cli.commands.services import print_services, service_table
from ozwald.model.active import ActiveService, Status
from ozwald.model.active_document import active_document
from tests.builders import key


def service(name: str, *, persistent: bool = False) -> dict[str, object]:
    return active_document(
        ActiveService(key=key(name), service=name, status=Status.WAITING, host=None, persistent=persistent)
    )


def test_which_are_persistent_is_told_where_one_is() -> None:
    headings, rows = service_table([service("db", persistent=True), service("chat")])

    assert [dict(zip(headings, row, strict=True))["PERSISTENT"] for row in rows] == ["yes", "-"]


def test_where_none_is_persistent_there_is_no_such_column() -> None:
    headings, [row] = service_table([service("chat")])

    assert ("PERSISTENT" in headings, len(headings)) == (False, len(row))


def test_without_services_there_are_no_rows() -> None:
    assert service_table([])[1] == []


def test_why_a_service_is_not_as_it_should_be_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    waits = {**service("new"), "status": "waiting", "reason": "no host can carry it: gpu1: no card"}

    print_services([service("chat"), waits])

    heading, *_, last = capsys.readouterr().out.splitlines()
    assert heading.split()[-1] == "ENDPOINT"
    assert last == "new is waiting: no host can carry it: gpu1: no card"
