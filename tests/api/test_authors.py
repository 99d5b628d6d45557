"""Who asks is told by two headers, which nobody can break a line or a terminal with."""

import pytest

from ozwald.client import Client
from ozwald.state.history import History
from tests.api.calling import KEY, Api
from tests.api.serving import Served

BODY = [{"name": "llm"}]


def author(api: Api) -> tuple[str, str]:
    generation = History(api.home, "local").read(1)
    assert generation is not None
    return generation.author.owner, generation.author.command


def test_without_a_word_it_is_the_api(api: Api) -> None:
    api.call("POST", "/srv/services/update", BODY)

    assert author(api) == ("api", "POST /srv/services/update")


def test_who_asks_stands_in_history_and_events(api: Api) -> None:
    headers = {"X-Ozwald-Author": "fred", "X-Ozwald-Command": "ozwald update_services llm"}
    api.call("POST", "/srv/services/update", BODY, headers=headers)

    assert author(api) == ("fred", "ozwald update_services llm")
    assert [one["author"] for one in api.call("GET", "/srv/events/")[2]] == ["fred: ozwald update_services llm"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Jos%C3%A9", "José"),
        ("José".encode().decode("latin-1"), "José"),
        ("100%", "100%"),
        ("a%0Ab%1B[2Jc", "a b [2Jc"),
        ("a%E2%80%AEb%E2%80%A8c", "a b c"),
        ("%FF", "�"),
        ("x" * 500, "x" * 100),
        ("%0A%0D", "api"),
    ],
)
def test_a_name_is_one_short_line_of_text(api: Api, sent: str, kept: str) -> None:
    status, _, _ = api.call("POST", "/srv/services/update", BODY, headers={"X-Ozwald-Author": sent})

    assert (status, author(api)[0]) == (202, kept)


@pytest.mark.parametrize("letter", ["x", "é", "語", "😀", "\ud800", "\n"])
def test_the_client_sends_any_text_and_keeps_within_what_a_server_reads(site: Served, letter: str) -> None:
    with Client(f"http://127.0.0.1:{site.port}", key=KEY, author=letter * 5000, command=letter * 5000) as client:
        assert client.update(BODY) == 1

    owner, command = author(site.api)
    assert letter not in "xé語😀" or (owner, command) == (letter * 100, letter * 1000)
