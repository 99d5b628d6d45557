"""Only what is ours by label and by name, and used by nobody, may go; what is Ozwald's is told, whoever made it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ozwald.model.belongings import ObservedNetwork, ObservedVolume, Survey
from ozwald.model.container import (
    LABEL_CONTROLLER,
    LABEL_FOOTPRINT,
    LABEL_SERVICE,
    ObservedContainer,
    container_name,
    leftover_name,
    measured_name,
)
from ozwald.model.data import LABEL_BYTES, LABEL_DATA, data_volume, filler_name, lock_name
from ozwald.planning.belongings import belongings, prunable
from tests.builders import CONTROLLER, OTHER_CONTROLLER, container, our_container

NOW = 10_000.0
OURS = {LABEL_CONTROLLER: CONTROLLER}
THEIRS = {LABEL_CONTROLLER: OTHER_CONTROLLER}
SHARED = data_volume("default", "0123456789abcdef" * 4)
OWN = data_volume("default", "0123456789abcdef" * 4, "llm")
NAME = container_name("default", "llm")


def volume(name: str = SHARED, labels: Mapping[str, str] = OURS, *, is_data: bool = True) -> ObservedVolume:
    data = {LABEL_DATA: "0123456789abcdef" * 4, LABEL_BYTES: "1000"} if is_data else {}
    return ObservedVolume(name=name, labels={**labels, **data}, created_at=1.0)


def network(name: str = "oznet--default--default", labels: Mapping[str, str] = OURS) -> ObservedNetwork:
    return ObservedNetwork(id=f"id of {name}", name=name, labels=labels)


def helper(name: str, *, labels: Mapping[str, str] = OURS, **fields: Any) -> ObservedContainer:
    return replace(container(name, state="created", labels=labels), **fields)


def leftover(**fields: Any) -> ObservedContainer:
    usual = {"id": "a" * 64, "name": leftover_name(NAME, "a" * 64), "state": "exited"}
    return our_container(**usual | fields)


def survey(*things: ObservedContainer | ObservedNetwork | ObservedVolume) -> Survey:
    return Survey(
        containers=tuple(one for one in things if isinstance(one, ObservedContainer)),
        networks=tuple(one for one in things if isinstance(one, ObservedNetwork)),
        volumes=tuple(one for one in things if isinstance(one, ObservedVolume)),
    )


def going(*things: ObservedContainer | ObservedNetwork | ObservedVolume, with_written: bool = False) -> list[str]:
    found = prunable(survey(*things), controller=CONTROLLER, now=NOW, with_written=with_written)
    return [one.name for one in found]


class TestVolumes:
    def test_sent_data_that_no_container_mentions_goes(self) -> None:
        assert going(volume()) == [SHARED]

    def test_sent_data_that_a_stopped_container_mentions_stays(self) -> None:
        assert going(volume(), replace(container("theirs", state="exited"), volumes=(SHARED,))) == []

    def test_sent_data_of_another_controller_stays(self) -> None:
        assert going(volume(labels=THEIRS)) == []

    @pytest.mark.parametrize("name", ["models", "ozdata", "ozdata--"])
    def test_a_volume_with_our_labels_and_another_name_stays(self, name: str) -> None:
        assert going(volume(name)) == []

    def test_a_volume_of_that_name_without_our_label_stays(self) -> None:
        assert going(volume(labels={})) == []

    def test_what_a_service_may_have_written_goes_only_when_asked_for(self) -> None:
        written = (volume(OWN), volume("models", is_data=False))

        assert going(*written) == []
        assert going(*written, with_written=True) == [OWN, "models"]

    def test_a_users_own_volume_never_goes(self) -> None:
        assert going(volume("models", {}, is_data=False), with_written=True) == []

    def test_data_that_is_being_sent_stays(self) -> None:
        for labels in (OURS, THEIRS):
            assert going(volume(), helper(lock_name(SHARED), labels=labels, created_at=NOW - 60)) == []


class TestHelpers:
    def test_what_a_killed_sending_left_goes_with_its_volume_and_the_lock_last(self) -> None:
        filler = helper(filler_name(OWN), volumes=(OWN,))

        assert going(helper(lock_name(OWN)), filler, volume(OWN)) == [filler_name(OWN), OWN, lock_name(OWN)]

    def test_what_is_younger_than_ten_minutes_stays(self) -> None:
        assert going(helper(lock_name(SHARED), created_at=NOW - 599)) == []

    def test_what_another_controller_left_stays(self) -> None:
        assert going(helper(lock_name(SHARED), labels=THEIRS)) == []


class TestReplaced:
    def test_a_replaced_container_goes_when_its_successor_has_proved_itself(self) -> None:
        assert going(leftover(), our_container()) == [leftover().name]

    def test_what_only_it_used_goes_with_it(self) -> None:
        old = replace(leftover(), volumes=(SHARED,), networks=("oznet--default--old",))

        assert going(old, our_container(), volume(), network("oznet--default--old")) == [
            old.name,
            SHARED,
            "oznet--default--old",
        ]

    @pytest.mark.parametrize(
        "successor",
        [
            our_container(state="exited"),
            our_container(status="Up 2 minutes (unhealthy)"),
            our_container(status="Up 2 minutes (health: starting)"),
            our_container(controller=OTHER_CONTROLLER),
            our_container("web"),
        ],
    )
    def test_it_stays_without_a_healthy_successor(self, successor: ObservedContainer) -> None:
        assert going(leftover(), successor) == []

    def test_it_stays_while_its_successor_is_young(self) -> None:
        assert going(leftover(), replace(our_container(), created_at=NOW - 60)) == []

    def test_it_stays_while_it_runs(self) -> None:
        assert going(leftover(state="running"), our_container()) == []

    def test_a_container_of_another_name_stays(self) -> None:
        assert going(leftover(name="mine"), our_container()) == []

    def test_another_controllers_stays(self) -> None:
        assert going(leftover(controller=OTHER_CONTROLLER), our_container()) == []


class TestNetworks:
    def test_a_realms_network_without_containers_goes(self) -> None:
        assert going(network()) == ["oznet--default--default"]

    def test_one_that_a_stopped_container_would_use_stays(self) -> None:
        stopped = replace(container(state="exited"), networks=("oznet--default--default",))

        assert going(network(), stopped) == []

    @pytest.mark.parametrize("kept", [network(labels=THEIRS), network(labels={}), network("lan")])
    def test_others_stay(self, kept: ObservedNetwork) -> None:
        assert going(kept) == []


class TestBelongings:
    def test_everything_of_ozwald_is_told_with_its_owner(self) -> None:
        found = belongings(
            survey(
                our_container(),
                leftover(controller=OTHER_CONTROLLER),
                helper(lock_name(SHARED)),
                container("renamed", labels=OURS),
                network(),
                volume(),
                volume(OWN, THEIRS),
                volume("models", is_data=False),
            )
        )

        assert [(one.name, one.what.partition(",")[0], one.owner) for one in found] == [
            (NAME, "instance llm", CONTROLLER),
            (leftover().name, "replaced container of llm", OTHER_CONTROLLER),
            (lock_name(SHARED), f"sending of {SHARED}", CONTROLLER),
            ("renamed", "without an instance", CONTROLLER),
            ("oznet--default--default", "network of a realm", CONTROLLER),
            (SHARED, "the controller's data", CONTROLLER),
            (OWN, "copy of the controller's data for llm", OTHER_CONTROLLER),
            ("models", "named volume", CONTROLLER),
        ]

    def test_what_is_nobodys_is_not_among_it(self) -> None:
        others = (container(), network("bridge", {}), volume("models", {}, is_data=False))

        assert belongings(survey(*others)) == ()

    def test_names_alone_are_enough_and_then_nobody_is_the_owner(self) -> None:
        found = belongings(survey(container(NAME), network(labels={}), volume(labels={}, is_data=False)))

        assert [one.owner for one in found] == [None] * 3

    def test_a_size_is_as_measured_else_what_was_sent(self) -> None:
        measured = replace(survey(volume(), volume(OWN)), sizes={OWN: 7})

        assert [one.size_bytes for one in belongings(measured)] == [1000, 7]


def test_what_a_measuring_run_has_made_is_named_as_that() -> None:
    labels = {LABEL_CONTROLLER: CONTROLLER, LABEL_FOOTPRINT: "ab12-0", LABEL_SERVICE: "llm"}
    survey = Survey(
        containers=(container(measured_name("default", "llm", "ab12-0"), labels=labels),),
        networks=(ObservedNetwork(id="n", name="ozfoot--default--back--ab12-0", labels=labels, created_at=0.0),),
        volumes=(ObservedVolume(name="ozfoot--default--models--ab12-0", labels=labels, created_at=0.0),),
    )

    assert [one.what.partition(",")[0] for one in belongings(survey)] == [
        "measuring run ab12-0 of llm", "network of measuring run ab12-0", "volume of measuring run ab12-0",
    ]  # fmt: skip
