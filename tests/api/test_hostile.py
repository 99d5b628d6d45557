"""Hostile requests over real sockets: an answer in our form or a closed connection, always soon."""

import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ozwald.api.answers import HEADERS
from ozwald.state.wanted import read_wanted, wanted_path
from tests.api.hostile.corpus import NO_ANSWER, OTHERS, SMUGGLED
from tests.api.hostile.mutations import mutated
from tests.api.serving import TOKEN, Served, read_answer, served


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_could_be_two_requests_gets_one_refusal(site: Served, name: str) -> None:
    [reply] = replies(site.exchange(SMUGGLED[name]), head=False)

    assert reply.status == 400
    assert reply.headers["connection"] == "close"
    in_our_form(site, reply)


@pytest.mark.parametrize("name", OTHERS)
def test_what_no_honest_client_sends_is_refused_in_our_form(site: Served, name: str) -> None:
    request, statuses = OTHERS[name]

    found = replies(site.exchange(request), head=request.startswith(b"HEAD"))

    assert ({reply.status for reply in found} or {NO_ANSWER}) <= statuses
    for reply in found:
        in_our_form(site, reply, is_head=request.startswith(b"HEAD"))


def test_whoever_waits_for_a_word_before_the_body_gets_it(site: Served) -> None:
    head = b"POST /srv/services/update HTTP/1.1\r\nHost: localhost\r\n" + TOKEN
    with site.connect() as client:
        client.sendall(head + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"nay")
        assert b" 400 " in read_answer(client)


def test_a_refusal_arrives_although_the_body_is_still_on_its_way(site: Served) -> None:
    body = b" " * 900_000
    head = b"POST /srv/services/update HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)

    [reply] = replies(site.exchange(head + body), head=False)

    assert reply.status == 401


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_of_these_is_a_mistake_or_a_wait(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(seed)
    with served(tmp_path) as site:  # some of them are accepted
        for _ in range(250):
            request = mutated(dice)
            begun = time.monotonic()
            statuses = re.findall(rb"^HTTP/1\.[01] (\d\d\d) ", site.exchange(request), re.MULTILINE)
            assert time.monotonic() - begun < 10, request
            assert not any(status.startswith(b"5") for status in statuses), request
    assert caplog.records == []


def in_our_form(site: Served, reply: Reply, *, is_head: bool = False) -> None:
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= reply.headers.items()
    assert reply.headers["content-type"] == "application/json"
    assert "server" not in reply.headers
    assert is_head or reply.status == 200 or json.loads(reply.body)["detail"]
    assert read_wanted(wanted_path(site.api.home, "local")) is None


def replies(text: bytes, *, head: bool) -> list[Reply]:
    """The answers that a connection gave until it ended."""
    found = []
    while text:
        top, _, text = text.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if head else int(headers.get("content-length", 0))
        found.append(Reply(int(first.split()[1]), headers, text[:length]))
        text = text[length:]
    return found
