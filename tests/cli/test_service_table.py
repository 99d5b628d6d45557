"""The table of active services has the columns that say something."""

from ozwald.cli.commands.services import service_table
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
