"""A replacement on one engine: the order, the way back, and going on after an interruption."""

from dataclasses import replace

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.model.container import LABEL_SPEC, leftover_name
from ozwald.model.service import Attachment
from tests.builders import port
from tests.execution.fleet import (
    IMPATIENT,
    NAME,
    V1,
    V2,
    Fleet,
    applied,
    changes,
    forget_calls,
    only_name,
    refuse_taken_ports,
    service,
)
from tests.fakes.engine import FakeContainer


class TestReplace:
    def test_the_old_one_is_renamed_stopped_and_removed_only_when_the_new_one_is_available(self) -> None:
        fleet = applied()

        fleet.apply("llm", V2)

        assert changes(fleet.box) == ["ensure_network", "rename", "create", "stop", "start", "remove"]

    def test_the_new_one_runs_under_the_instances_name_alone(self) -> None:
        fleet = applied()

        [result] = fleet.apply("llm", V2)

        assert result.is_done
        assert only_name(fleet) == NAME
        assert fleet.box.named(NAME).config["Image"] == "llm:2"

    def test_an_image_is_pulled_before_anything_that_runs_is_disturbed(self) -> None:
        fleet = applied()

        [result] = fleet.apply("llm", service(image="missing:1"))

        assert "not found" in result.error
        assert changes(fleet.box) == ["pull"]

    @pytest.mark.parametrize("state", ["exited", "created"])
    def test_an_old_one_that_did_not_run_is_not_started_by_the_way_back(self, state: str) -> None:
        fleet = applied()
        fleet.box.named(NAME).state = state
        fleet.box.on_start = lambda container: setattr(container, "state", "exited")

        fleet.apply("llm", V2)

        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:1", state)

    def test_an_old_one_that_keeps_crashing_is_stopped_before_it_is_renamed(self) -> None:
        fleet = applied()
        fleet.box.named(NAME).state = "restarting"

        [result] = fleet.apply("llm", V2)

        assert result.is_done, result.error
        assert fleet.box.named(NAME).config["Image"] == "llm:2"

    def test_a_new_one_that_fails_gives_way_to_the_old_one(self) -> None:
        fleet = applied()
        old = fleet.box.named(NAME)

        def crash_new(container: FakeContainer) -> None:
            if container is not old:
                container.state, container.exit_code = "exited", 1

        fleet.box.on_start = crash_new
        [result] = fleet.apply("llm", V2)

        assert "it ended during its start (exit code 1)" in result.error
        assert fleet.box.containers == {old.id: old}
        assert (old.name, old.state) == (NAME, "running")
        assert fleet.told[-2] == "went back to the old container"

    @pytest.mark.parametrize("method", ["create", "stop", "start"])
    def test_an_engine_that_refuses_anything_on_the_way_leads_back(self, method: str) -> None:
        fleet = applied()
        old = fleet.box.named(NAME)
        fleet.box.fail(method, EngineError("box1", "no", failure=Failure.TERMINAL, status=500))

        [result] = fleet.apply("llm", V2)

        assert not result.is_done
        assert fleet.box.containers == {old.id: old}
        assert (old.name, old.state) == (NAME, "running")

    def test_a_new_one_that_cannot_join_all_its_networks_leads_back(self) -> None:
        fleet = applied()
        old = fleet.box.named(NAME)
        fleet.box.fail("connect", EngineError("box1", "no", failure=Failure.TERMINAL))

        both = service(networks=(Attachment(network="default"), Attachment(network="back")))
        [result] = fleet.apply("llm", both)

        assert not result.is_done
        assert fleet.box.containers == {old.id: old}
        assert (old.name, old.state) == (NAME, "running")

    def test_old_and_new_never_run_at_the_same_time(self) -> None:
        published = service(ports=(port(80, 8080),))
        fleet = applied(published)
        refuse_taken_ports(fleet.box)

        [result] = fleet.apply("llm", service(image="llm:2", ports=(port(80, 8080),)))

        assert result.is_done

    def test_a_port_that_another_one_is_about_to_free_is_waited_for(self) -> None:
        fleet = applied()
        taken = EngineError("box1", "port is already allocated", failure=Failure.TERMINAL, status=500)
        fleet.box.fail("start", taken, times=2)
        patience = replace(IMPATIENT, port_s=60.0)

        [result] = fleet.carry_out(fleet.plan("llm", V2), patience=patience)

        assert result.is_done

    def test_when_the_outcome_is_not_known_both_are_left_for_the_next_look(self) -> None:
        fleet = applied()
        fleet.box.fail("start", times=2)

        [result] = fleet.apply("llm", V2)

        assert not result.is_done
        assert len(fleet.box.containers) == 2
        assert "remove" not in changes(fleet.box)


class TestInterruptedReplacement:
    def interrupted(self, *, new: bool, known: object = V1, then: object = V2) -> Fleet:
        """The old one renamed, and with `new` the new one created but not started."""
        fleet = applied(known)
        old = fleet.box.named(NAME)
        fleet.box.rename(old.id, leftover_name(NAME, old.id))
        if new:
            plan = fleet.plan("llm", then)  # type: ignore[arg-type]
            fingerprint = plan.operations[0].fingerprint
            config = {**old.config, "Image": "llm:2", "Labels": {**old.config["Labels"], LABEL_SPEC: fingerprint}}
            fleet.box.create(NAME, config)
        forget_calls(fleet)
        return fleet

    @pytest.mark.parametrize("new", [False, True])
    def test_the_next_apply_finishes_it(self, new: bool) -> None:
        fleet = self.interrupted(new=new)

        [result] = fleet.apply("llm", V2)

        assert result.error == ""
        assert only_name(fleet) == NAME
        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:2", "running")

    @pytest.mark.parametrize("new", [False, True])
    def test_the_old_one_that_still_runs_is_stopped_before_the_new_one_starts(self, new: bool) -> None:
        published = service(ports=(port(80, 8080),))
        newer = service(image="llm:2", ports=(port(80, 8080),))
        fleet = self.interrupted(new=new, known=published, then=newer)
        refuse_taken_ports(fleet.box)

        [result] = fleet.apply("llm", newer)

        assert result.error == ""
        assert only_name(fleet) == NAME

    @pytest.mark.parametrize("new", [False, True])
    def test_a_new_one_that_fails_now_still_gives_way_to_the_old_one(self, new: bool) -> None:
        fleet = self.interrupted(new=new)
        fleet.box.on_start = lambda container: setattr(
            container, "state", "exited" if container.config["Image"] == "llm:2" else "running"
        )

        [result] = fleet.apply("llm", V2)

        assert not result.is_done
        assert only_name(fleet) == NAME
        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:1", "running")

    def test_a_refusal_before_the_new_one_has_run_leads_back(self) -> None:
        fleet = self.interrupted(new=True)
        fleet.box.fail("start", ConnectionFailed("box1", "no route", failure=Failure.RETRYABLE))

        fleet.apply("llm", V2)

        assert only_name(fleet) == NAME
        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:1", "running")

    def test_a_new_one_that_runs_already_survives_a_refusal(self) -> None:
        fleet = self.interrupted(new=True)
        fleet.box.exit(leftover_name(NAME, next(iter(fleet.box.containers))))
        fleet.box.start(fleet.box.named(NAME).id)
        fleet.box.fail("start", ConnectionFailed("box1", "no route", failure=Failure.RETRYABLE))

        fleet.apply("llm", V2)

        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:2", "running")

    def test_the_way_back_stops_the_successor_of_the_one_it_starts(self) -> None:
        fleet = self.with_both_made()
        fleet.box.named(NAME).health = "starting"
        running: list[int] = []
        fleet.box.on_start = lambda _: running.append(
            sum(found.state == "running" for found in fleet.box.containers.values())
        )
        fleet.box.fail("stop", EngineError("box1", "said no", failure=Failure.TERMINAL))

        fleet.apply("llm", service(image="web:1"))

        assert running == [1]
        assert only_name(fleet) == NAME

    def test_a_successor_that_has_proved_itself_is_what_the_next_one_gives_way_to(self) -> None:
        fleet = self.with_both_made()
        fleet.box.on_start = lambda container: setattr(
            container, "state", "exited" if container.config["Image"] == "web:1" else "running"
        )

        fleet.apply("llm", service(image="web:1"))

        assert only_name(fleet) == NAME
        assert (fleet.box.named(NAME).config["Image"], fleet.box.named(NAME).state) == ("llm:2", "running")

    def with_both_made(self) -> Fleet:
        """The old one stopped and not removed yet, the new one running."""
        fleet = self.interrupted(new=True)
        fleet.box.exit(leftover_name(NAME, next(iter(fleet.box.containers))))
        fleet.box.start(fleet.box.named(NAME).id)
        return fleet

    def test_going_back_to_the_old_settings_puts_the_old_one_to_use_or_replaces_it(self) -> None:
        fleet = self.interrupted(new=False)

        [result] = fleet.apply("llm", V1)

        assert result.error == ""
        assert only_name(fleet) == NAME
        assert fleet.box.named(NAME).config["Image"] == "llm:1"
