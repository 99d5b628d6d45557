"""One operation on one engine: create, start, stop, and what a failure tells."""

import threading

from ozwald.errors import EngineError, Failure
from ozwald.execution.clock import MONOTONIC
from ozwald.execution.crew import Crew
from ozwald.execution.health import Patience
from ozwald.model.container import LABEL_SPEC
from ozwald.model.realm import Network
from ozwald.model.service import Attachment, Healthcheck, Mount, Pull
from ozwald.planning.planner import make_plan
from tests.builders import KEY, definition, gpu, observation, realms, situation, wanted
from tests.execution.fleet import (
    NAME,
    OURS,
    V1,
    V2,
    Fleet,
    add_foreign,
    applied,
    changes,
    only_name,
    service,
)
from tests.fakes.engine import FakeContainer


class TestCreate:
    def test_the_network_comes_first_then_the_container_and_its_start(self) -> None:
        fleet = Fleet.of("box1")

        fleet.apply("llm", V1)

        assert changes(fleet.box) == ["ensure_network", "create", "start"]

    def test_the_container_runs_under_the_instances_name(self) -> None:
        fleet = applied()

        assert (only_name(fleet), fleet.box.named(NAME).state) == (NAME, "running")

    def test_it_carries_the_labels_that_make_it_ours(self) -> None:
        labels = applied().box.named(NAME).config["Labels"]

        assert labels.pop(LABEL_SPEC)
        assert labels == {
            "ozwald.realm": "default",
            "ozwald.instance": "llm",
            "ozwald.service": "llm",
            "ozwald.variety": "",
            "ozwald.profile": "",
            "ozwald.provisioner": "local",
            "ozwald.controller": "c0ffee",
            "ozwald.generation": "3",
            "ozwald.limits": "restart=unless-stopped",
            "ozwald.owner": "ann",
            "ozwald.gpus": "",
        }

    def test_the_settings_labels_stay_and_ours_win(self) -> None:
        labels = applied(service(labels={"team": "blue", "ozwald.owner": "mallory"})).box.named(NAME).config["Labels"]

        assert (labels["team"], labels["ozwald.owner"]) == ("blue", "ann")

    def test_it_answers_to_its_instances_name_in_every_network(self) -> None:
        both = (Attachment(network="default"), Attachment(network="back", aliases=("brain",)))

        networks = applied(service(networks=both)).box.named(NAME).networks

        assert networks == {"oznet--default--default": ("llm",), "oznet--default--back": ("llm", "brain")}

    def test_a_named_volume_that_is_missing_is_made_with_our_labels(self) -> None:
        fleet = applied(service(volumes=(Mount(type="volume", source="models", target="/models"),)))

        assert fleet.box.stored["models"].labels == {"ozwald.controller": "c0ffee", "ozwald.realm": "default"}

    def test_a_named_volume_of_somebody_else_stays_as_it_is(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.ensure_volume("models", {"made": "by hand"})

        fleet.apply("llm", service(volumes=(Mount(type="volume", source="models", target="/models"),)))

        assert fleet.box.stored["models"].labels == {"made": "by hand"}

    def test_a_missing_image_is_pulled(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.registry["new:1"] = "sha256:abc"

        [result] = fleet.apply("llm", service(image="new:1"))

        assert result.is_done
        assert changes(fleet.box)[0] == "pull"

    def test_an_image_that_is_there_is_not_pulled(self) -> None:
        fleet = Fleet.of("box1")

        fleet.apply("llm", V1)

        assert "pull" not in changes(fleet.box)

    def test_an_image_is_always_pulled_when_the_settings_say_so(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.registry["llm:1"] = "sha256:newer"

        fleet.apply("llm", service(pull_policy=Pull.ALWAYS))

        assert fleet.box.named(NAME).image_id == "sha256:newer"

    def test_an_image_that_may_not_be_pulled_must_be_there(self) -> None:
        fleet = Fleet.of("box1")

        [result] = fleet.apply("llm", service(image="new:1", pull_policy=Pull.NEVER))

        assert result.error.startswith("image new:1 is not on box1 and pull_policy is never")
        assert not fleet.box.containers

    def test_an_image_that_cannot_be_pulled_is_told(self) -> None:
        [result] = Fleet.of("box1").apply("llm", service(image="new:1"))

        assert "pulling image new:1: not found" in result.error

    def test_an_external_network_must_be_there(self) -> None:
        outside = realms(
            definition("llm", base={"image": "llm:1", "networks": (Attachment(network="lan"),)}),
            networks=[Network(key="lan", external=True)],
        )

        [result] = Fleet.of("box1").apply("llm", outside)

        assert result.error == "box1 has no network lan, which is declared external: create it there"

    def test_an_external_network_that_is_not_there_stops_nothing(self) -> None:
        fleet = applied()
        outside = realms(
            definition("llm", base={"image": "llm:2", "networks": (Attachment(network="lan"),)}),
            networks=[Network(key="lan", external=True)],
        )

        [result] = fleet.apply("llm", outside)

        assert "box1 has no network lan" in result.error
        assert changes(fleet.box) == []
        assert fleet.box.named(NAME).state == "running"

    def test_a_named_external_network_is_joined_by_that_name(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.network_labels["office-lan"] = {}
        outside = realms(
            definition("llm", base={"image": "llm:1", "networks": (Attachment(network="lan"),)}),
            networks=[Network(key="lan", external=True, name="office-lan")],
        )

        fleet.apply("llm", outside)

        assert list(fleet.box.named(NAME).networks) == ["office-lan"]
        assert "ensure_network" not in changes(fleet.box)

    def test_only_the_cards_it_was_given_are_asked_for(self) -> None:
        fleet = Fleet.of("box1")
        known = realms(definition("llm", varieties={"nvidia": {}}))
        seen = situation({"box1": observation(gpus=[gpu(0, used_gib=9), gpu(1)])})

        fleet.carry_out(make_plan(wanted("llm"), known, seen, key=KEY))

        [asked] = fleet.box.named(NAME).config["HostConfig"]["DeviceRequests"]
        assert asked["DeviceIDs"] == ["GPU-nvidia-1"]

    def test_a_name_that_was_taken_since_the_plan_was_made_fails_and_leaves_its_holder(self) -> None:
        fleet = Fleet.of("box1")
        plan = fleet.plan("llm", V1)
        stranger = add_foreign(fleet.box, NAME)

        [result] = fleet.carry_out(plan)

        assert "it appeared since the plan was made: plan again" in result.error
        assert fleet.box.containers == {stranger.id: stranger}

    def test_a_lost_answer_is_followed_by_a_look_and_makes_no_twin(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.fail("create", after=True)

        [result] = fleet.apply("llm", V1)

        assert result.is_done
        assert [method for method, _ in fleet.box.calls].count("create") == 1
        assert only_name(fleet) == NAME

    def test_a_lost_request_is_sent_again_after_a_look(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.fail("create")

        [result] = fleet.apply("llm", V1)

        assert result.is_done
        assert [method for method, _ in fleet.box.calls if method in ("create", "list_containers")][1:] == [
            "create",
            "list_containers",
            "create",
        ]

    def test_a_start_without_an_answer_is_tried_again(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.fail("start", after=True)

        [result] = fleet.apply("llm", V1)

        assert result.is_done


class TestWhatAFailureTells:
    def crashed(self, *, log: bytes, exit_code: int = 7, oom_killed: bool = False) -> tuple[Fleet, str]:
        fleet = Fleet.of("box1")

        def crash(container: FakeContainer) -> None:
            container.state, container.exit_code, container.log = "exited", exit_code, log
            container.oom_killed = oom_killed

        fleet.box.on_start = crash
        [result] = fleet.apply("llm", V1)
        return fleet, result.error

    def test_the_error_has_the_exit_code_and_where_to_look(self) -> None:
        _, error = self.crashed(log=b"")

        assert error == "it ended during its start (exit code 7); see: ozwald get_service_launch_logs llm"

    def test_the_launch_log_has_the_containers_last_lines(self) -> None:
        fleet, _ = self.crashed(log=b"".join(b"line %d\n" % number for number in range(80)))

        [step] = [step for step in fleet.steps if step.text == "its last 50 lines, by stream:"]
        assert step.detail.splitlines() == [f"stdout | line {number}" for number in range(30, 80)]

    def test_lines_that_are_no_text_are_shown_all_the_same(self) -> None:
        fleet, _ = self.crashed(log=b"caf\xe9\n")

        assert "stdout | caf\\xe9" in [step.detail for step in fleet.steps]

    def test_a_silent_container_is_said_to_be_silent(self) -> None:
        fleet, _ = self.crashed(log=b"")

        assert "(it wrote nothing)" in [step.detail for step in fleet.steps]

    def test_memory_that_ran_out_is_named(self) -> None:
        _, error = self.crashed(log=b"", oom_killed=True)

        assert "out of memory" in error

    def test_the_container_is_left_for_a_look(self) -> None:
        fleet, _ = self.crashed(log=b"")

        assert fleet.box.named(NAME).state == "exited"

    def test_an_unhealthy_one_shows_what_its_healthcheck_printed(self) -> None:
        fleet = Fleet.of("box1")

        def sicken(container: FakeContainer) -> None:
            container.health, container.health_output = "unhealthy", "connection refused"

        fleet.box.on_start = sicken
        [result] = fleet.apply("llm", service(healthcheck=Healthcheck(test=("CMD", "true"))))

        assert "its healthcheck says unhealthy" in result.error
        assert "connection refused" in [step.detail for step in fleet.steps]

    def test_logs_that_cannot_be_read_do_not_hide_the_failure(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.on_start = lambda container: setattr(container, "state", "exited")
        fleet.box.fail("follow_logs")

        [result] = fleet.apply("llm", V1)

        assert "it ended during its start" in result.error
        assert any(text.startswith("no more could be read") for text in fleet.told)

    def test_an_enormous_last_line_is_shortened(self) -> None:
        fleet, _ = self.crashed(log=b"x" * 3_000_000 + b"\n")

        assert all(len(step.detail) < 100_000 for step in fleet.steps)
        assert any("more characters)" in step.detail for step in fleet.steps)

    def test_how_it_ended_is_told(self) -> None:
        fleet, _ = self.crashed(log=b"", exit_code=137, oom_killed=True)

        assert "its state: ended with exit code 137, out of memory (OOM)" in fleet.told

    def test_secrets_are_in_no_step_and_no_error(self) -> None:
        fleet = Fleet.of("box1")

        def crash(container: FakeContainer) -> None:
            container.state, container.log = "exited", b"cannot log in with hunter22-and-more\n"
            container.error = "bad hunter22"

        fleet.box.on_start = crash
        secrets = {"API_KEY": "hunter22", "DB_PASSWORD": "hunter22-and-more", "MODE": "exited"}
        [result] = fleet.apply("llm", service(environment=secrets))

        told = "\n".join([result.error, *(step.text + step.detail for step in fleet.steps)])
        assert "hunter22" not in told
        assert "stdout | cannot log in with ********" in told

    def test_the_last_step_says_that_it_is_the_last(self) -> None:
        fleet, _ = self.crashed(log=b"")
        assert [step.text.partition(":")[0] for step in fleet.steps if step.is_last] == ["failed"]

        well = Fleet.of("box1")
        well.apply("llm", V1)
        assert [step.text for step in well.steps if step.is_last] == ["done"]

    def test_an_engine_that_refuses_to_start_it_is_quoted(self) -> None:
        fleet = Fleet.of("box1")
        fleet.box.fail("start", EngineError("box1", "port is already allocated", failure=Failure.TERMINAL))

        [result] = fleet.apply("llm", V1)

        assert "cannot start: port is already allocated" in result.error


class TestStart:
    def test_a_stopped_one_is_started(self) -> None:
        fleet = applied()
        fleet.box.exit(NAME)

        [result] = fleet.apply("llm", V1)

        assert result.is_done
        assert changes(fleet.box) == ["ensure_network", "start"]

    def test_networks_that_a_kill_left_out_are_joined(self) -> None:
        known = service(networks=(Attachment(network="default"), Attachment(network="back")))
        fleet = applied(known)
        half = fleet.box.named(NAME)
        half.state = "created"
        del half.networks["oznet--default--back"]

        fleet.apply("llm", known)

        assert set(half.networks) == {"oznet--default--default", "oznet--default--back"}


class TestStop:
    def test_a_container_is_stopped_and_then_removed(self) -> None:
        fleet = applied()

        fleet.apply(wanted(), V1)

        assert changes(fleet.box) == ["stop", "remove"]
        assert not fleet.box.containers

    def test_one_that_is_gone_already_is_fine(self) -> None:
        fleet = applied()
        plan = fleet.plan(wanted(), V1)
        fleet.box.containers.clear()

        [result] = fleet.carry_out(plan)

        assert result.is_done


class TestInterrupt:
    PATIENT = Patience(settle_s=60.0, poll_s=60.0)

    def stop_while_starting(self, fleet: Fleet) -> threading.Event:
        """An event that is set as soon as a container of the new image starts."""
        stop = threading.Event()
        fleet.box.on_start = lambda container: stop.set() if container.config["Image"] == "llm:2" else None
        return stop

    def test_a_replacement_in_hand_is_undone(self) -> None:
        fleet = applied()
        old = fleet.box.named(NAME)

        [result] = fleet.apply("llm", V2, patience=self.PATIENT, stop=self.stop_while_starting(fleet))

        assert result.error == "interrupted; apply again to go on"
        assert fleet.box.containers == {old.id: old}
        assert (old.name, old.state) == (NAME, "running")

    def test_a_new_one_is_left_for_the_next_apply(self) -> None:
        fleet = Fleet.of("box1")

        fleet.apply("llm", V2, patience=self.PATIENT, stop=self.stop_while_starting(fleet))

        assert all(result.is_done for result in fleet.apply("llm", V2))
        assert only_name(fleet) == NAME

    def test_a_new_one_stays_where_it_is_when_the_controller_goes_on_with_it_later(self) -> None:
        fleet = Fleet.of("box1")
        crew = Crew(
            fleet.engines.__getitem__,
            OURS,
            fleet.steps.append,
            self.PATIENT,
            self.stop_while_starting(fleet),
            MONOTONIC,
            keeps_started=True,
        )

        [result] = map(crew.carry_out, fleet.plan(wanted("llm"), V2).operations)

        assert not result.is_done
        assert fleet.box.named(NAME).state == "running"
