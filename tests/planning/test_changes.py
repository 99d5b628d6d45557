"""A container that is there is compared setting by setting with the one that would be made."""

from dataclasses import replace
from typing import Any

import pytest

from ozwald.model.container import LABEL_SPEC, ContainerDetails, ObservedContainer
from ozwald.model.plan import Action, Change, Operation
from ozwald.model.service import Pull
from ozwald.planning.changes import changes
from ozwald.planning.planner import make_plan
from ozwald.planning.questions import open_questions
from ozwald.planning.settled import settled
from ozwald.planning.situation import RegistryAnswer, Situation
from tests.builders import KEY, definition, observation, our_container, realms, situation, spec, wanted

SETTINGS = {"service": "llm", "image": "docker.io/library/llm:1", "restart": "unless-stopped"}
ATTACHED = {"networks.oznet--default--default": ["llm"]}


def there(from_image: dict[str, Any] | None = None, **settings: Any) -> ContainerDetails:
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    return ContainerDetails(id="1", settings={**SETTINGS, **dotted}, from_image=from_image or {})


def differing(details: ContainerDetails, **fields: Any) -> dict[str, tuple[Any, Any]]:
    wanted_now = settled(spec(restart="unless-stopped", **fields), ())
    return {change.path: (change.old, change.new) for change in changes(wanted_now, details)}


def test_an_equal_container_has_no_changes() -> None:
    assert differing(there()) == {}


def test_every_change_has_its_old_and_its_new_value() -> None:
    found = differing(there(environment__A="1", user="0"), environment={"A": "2", "B": "3"}, image="llm:2")

    assert found == {
        "environment.A": ("1", "2"),
        "environment.B": (None, "3"),
        "image": ("docker.io/library/llm:1", "docker.io/library/llm:2"),
        "user": ("0", None),
    }


def test_what_the_image_brings_is_no_change() -> None:
    image = {"environment.PATH": "/bin", "command": ["serve"], "labels.maker": "us"}

    assert differing(there(image, environment__PATH="/bin", command=["serve"], labels__maker="us")) == {}


def test_what_hides_the_images_value_no_more_is_a_change_back_to_it() -> None:
    assert differing(there({"user": "app"}, user="root")) == {"user": ("root", "app")}


def test_an_entrypoint_takes_the_images_command_away() -> None:
    details = there({"entrypoint": ["/run"], "command": ["serve"]}, entrypoint=["/other"])

    assert differing(details, entrypoint=("/other",)) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"shm_size": 64 * 1024**2},
        {"ipc": "private"},
        {"runtime": "runc"},
        {"init": False},
        {"user": ""},
        {"entrypoint": ()},
        {"mem_limit": 0},
    ],
)
def test_a_default_that_is_spelled_out_is_no_change(fields: dict[str, Any]) -> None:
    assert differing(there(), **fields) == {}


def test_an_empty_variable_is_not_an_absent_one() -> None:
    assert differing(there(), environment={"A": ""}) == {"environment.A": (None, "")}


def test_without_its_image_nobody_knows_what_came_from_it() -> None:
    details = replace(there(environment__PATH="/bin", environment__A="1"), from_image=None)

    assert differing(details, environment={"A": "2"}) == {"environment.A": ("1", "2")}


def test_what_the_engine_does_not_keep_is_no_change() -> None:
    details = replace(there(), untold=frozenset({"image"}))

    assert differing(details, image="llm:2") == {}


class TestPlan:
    """What a closer look makes of a plan."""

    def decided(
        self,
        container: ObservedContainer | None = None,
        pull: Pull | None = None,
        registry: RegistryAnswer | None = None,
        digests: tuple[str, ...] = (),
        base: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Operation:
        current = container or our_container(id="1", status="Up 3 minutes")
        details = replace(there(**settings), settings={**there(**settings).settings, **ATTACHED}, image_digests=digests)
        world = replace(
            situation({"box1": observation(current)}),
            details={("box1", "1"): details},
            registry={("box1", "llm:1"): registry} if registry else {},
        )
        known = realms(definition("llm", base={"image": "llm:1", **(base or {})}))
        [operation] = make_plan(wanted("llm"), known, world, key=KEY, pull=pull).operations
        return operation

    def test_another_fingerprint_alone_replaces_nothing(self) -> None:
        assert self.decided(our_container(id="1", fingerprint="x")).action is Action.KEEP

    def test_a_setting_that_needs_a_new_container_replaces_it(self) -> None:
        operation = self.decided(user="root")

        assert (operation.action, operation.reason) == (Action.REPLACE, "user changed")
        assert operation.changes == (Change(path="user", old="root", new=None),)

    def test_limits_are_changed_on_the_container_that_is_there(self) -> None:
        operation = self.decided(base={"mem_limit": 2**30, "cpus": 2.0, "restart": "always"}, cpus=1.0)

        assert operation.action is Action.UPDATE
        assert {change.path: change.new for change in operation.changes} == {
            "mem_limit": 2**30,
            "cpus": 2.0,
            "restart": "always",
        }

    def test_a_limit_that_is_no_more_needs_a_new_container(self) -> None:
        assert self.decided(mem_limit=2**30).action is Action.REPLACE

    def test_a_stopped_container_gets_its_limits_before_it_is_started(self) -> None:
        stopped = our_container(id="1", state="exited", status="Exited (1)")

        operation = self.decided(stopped, base={"cpus": 2.0})

        assert (operation.action, [change.path for change in operation.changes]) == (Action.START, ["cpus"])

    @pytest.mark.parametrize(
        ("answer", "action"),
        [
            (RegistryAnswer(digest="sha256:new"), Action.REPLACE),
            (RegistryAnswer(digest="sha256:old"), Action.KEEP),
            (RegistryAnswer(problem="no route to registry"), Action.KEEP),
        ],
    )
    def test_a_tag_that_moved_replaces_where_that_was_asked_for(self, answer: RegistryAnswer, action: Action) -> None:
        assert self.decided(registry=answer, digests=("sha256:old",)).action is action

    def test_a_registry_that_cannot_be_asked_is_named(self) -> None:
        operation = self.decided(registry=RegistryAnswer(problem="no route to registry"))

        assert operation.reason == "kept, though it is not known whether its image is current: no route to registry"

    def test_the_users_word_counts_instead_of_the_settings(self) -> None:
        placement = self.decided(pull=Pull.ALWAYS).placement

        assert placement is not None
        assert placement.spec.pull_policy is Pull.ALWAYS


class TestQuestions:
    def asked(self, current: ObservedContainer, *, closely: bool = False, pull: Pull | None = None) -> Any:
        world: Situation = situation({"box1": observation(current)})
        plan = make_plan(wanted("llm"), realms(definition("llm")), world, key=KEY, pull=pull)
        questions = open_questions(plan, world, closely=closely)
        return questions.containers, questions.images

    def unchanged(self) -> ObservedContainer:
        made = make_plan(wanted("llm"), realms(definition("llm")), situation({"box1": observation()}), key=KEY)
        return our_container(id="1", fingerprint=made.operations[0].fingerprint)

    def test_what_looks_unchanged_raises_none(self) -> None:
        assert self.asked(self.unchanged()) == ({}, {})

    @pytest.mark.parametrize("labels", [{LABEL_SPEC: "x"}, {"ozwald.limits": "restart=no"}])
    def test_what_looks_changed_is_looked_at(self, labels: dict[str, str]) -> None:
        current = self.unchanged()

        assert self.asked(replace(current, labels={**current.labels, **labels})) == ({"box1": ["1"]}, {})

    def test_what_has_to_be_started_is_looked_at(self) -> None:
        assert self.asked(replace(self.unchanged(), state="exited")) == ({"box1": ["1"]}, {})

    def test_what_has_to_be_restarted_is_looked_at(self) -> None:
        world = situation({"box1": observation(self.unchanged())})
        plan = make_plan(wanted("llm"), realms(definition("llm")), world, key=KEY)
        restart = replace(plan, operations=tuple(replace(one, action=Action.RESTART) for one in plan.operations))

        assert open_questions(restart, world).containers == {"box1": ["1"]}

    def test_an_image_that_has_to_be_current_is_asked_for(self) -> None:
        assert self.asked(self.unchanged(), pull=Pull.ALWAYS) == ({"box1": ["1"]}, {"box1": ["llm:1"]})

    def test_on_request_every_container_is_looked_at(self) -> None:
        assert self.asked(self.unchanged(), closely=True) == ({"box1": ["1"]}, {})
