"""What a request leaves to the next: restarts that are owed, and its history."""

from dataclasses import replace

import pytest

from ozwald.execution.intent import Intent, forget_restarts
from ozwald.execution.steps import Result
from ozwald.planning.asking import Adding, Removing
from ozwald.state.history import History
from ozwald.state.wanted import wanted_path
from tests.builders import definition, depends_on, key, placed, realms, request, wanted
from tests.execution.desk import AUTHOR, Desk


class TestRestarts:
    """A restart that a replacement owes is written down before anything is changed, and until it is done."""

    def replaced(self, desk: Desk) -> Intent:
        follows = definition("web", base={"image": "web:1", "depends_on": depends_on("llm", restart=True)})
        desk.realms = realms(definition("llm"), follows)
        desk.apply(request(), request("web"))
        desk.realms = realms(definition("llm", base={"image": "web:1"}), follows)
        return desk.make_durable(desk.intend(request(), request("web")))

    def test_a_kill_before_it_leaves_it_to_the_next_apply(self, changing: Desk) -> None:
        intent = self.replaced(changing)

        assert [str(one.key) for one in intent.wanted.restarts] == ["web"]
        changing.realms = realms(definition("llm"), definition("web", base={"image": "web:1"}))
        assert changing.apply(request(), request("web"))["restart web"] == "box1"

    def test_what_is_done_is_owed_no_more(self, changing: Desk) -> None:
        intent = self.replaced(changing)
        done = [Result(operation=operation) for operation in intent.plan.operations]

        forget_restarts(done, home=changing.home, provisioner="local")

        assert changing.stored == replace(intent.wanted, restarts=())

    def test_what_failed_is_owed_still(self, changing: Desk) -> None:
        intent = self.replaced(changing)
        failed = [Result(operation=operation, error="no") for operation in intent.plan.operations]

        forget_restarts(failed, home=changing.home, provisioner="local")

        assert changing.stored == intent.wanted


class TestHistory:
    def test_each_generation_is_kept_with_who_made_it_and_what_it_changed(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.ask(Adding(requests=(request("web"),))))
        desk.make_durable(desk.ask(Removing(keys=(key(),))))

        history = History(desk.home, "local")
        kept = [history.read(number) for number in history.numbers()]

        assert [one.number for one in kept if one] == [3, 2, 1]
        assert [(one.at, one.author) for one in kept if one] == [(7.0, AUTHOR)] * 3
        assert [[(str(change.key), change.kind.value) for change in one.changes] for one in kept if one] == [
            [("llm", "removed")],
            [("web", "added")],
            [("llm", "added")],
        ]

    def test_what_changes_nothing_is_not_kept(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.intend(request()))

        assert History(desk.home, "local").numbers() == [1]

    def test_a_history_that_cannot_be_written_stops_nothing(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        desk.home.folder()
        (desk.home.path / "history").write_text("in the way")

        desk.make_durable(desk.intend(request()))

        assert desk.stored == wanted(placed("box1"))
        assert "generation 1 is not in the history" in caplog.text

    def test_a_lost_set_goes_on_where_its_history_ends(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.intend(request("web")))
        wanted_path(desk.home, "local").unlink()

        assert desk.intend(request()).wanted.generation == 3

    def test_the_order_of_the_words_is_no_change(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request(), request("web")))

        assert desk.intend(request("web"), request()).wanted.generation == 1
