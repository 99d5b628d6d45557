"""Updates that have to wait for each other keep nobody else waiting, and are refused before long."""

import time
from concurrent.futures import ThreadPoolExecutor

from ozwald.api import handlers
from ozwald.api.server import THREADS
from ozwald.client import ApiError, Client
from ozwald.state.wanted import changing_wanted
from tests.api.calling import KEY, Api
from tests.api.serving import Served
from tests.waiting import eventually

BODY = [{"name": "llm"}]


def test_who_waited_long_enough_is_told_to_ask_again(api: Api) -> None:
    with changing_wanted(api.home, "local"):
        begun = time.monotonic()
        status, headers, document = api.call("POST", "/srv/services/update", BODY)

    assert (status, headers["retry-after"]) == (503, "1")
    assert "nothing was changed: ask again" in document["detail"]
    assert handlers.WAIT_S <= time.monotonic() - begun < handlers.WAIT_S + 2
    assert api.call("POST", "/srv/services/update", BODY)[0] == 202


def test_updates_that_wait_take_no_worker_away(site: Served) -> None:
    def update(_: int) -> int:
        with Client(f"http://127.0.0.1:{site.port}", key=KEY) as client:
            try:
                return client.update(BODY)
            except ApiError as error:
                return error.status

    with ThreadPoolExecutor(3 * THREADS) as many:
        with changing_wanted(site.api.home, "local"):
            asked = [many.submit(update, number) for number in range(3 * THREADS)]
            assert eventually(lambda: site.api.site.waiting.taken == 3 * THREADS, handlers.WAIT_S, every_s=0.005)
            begun = time.monotonic()
            with Client(f"http://127.0.0.1:{site.port}", key=KEY) as client:
                assert client.active()
            assert time.monotonic() - begun < handlers.WAIT_S / 2
        assert {one.result() for one in asked} <= {1, 503}
    assert update(0) == 1
