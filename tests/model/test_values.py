"""What the shared values say about themselves."""

import pytest

from ozwald.model.host import Cache
from ozwald.model.plan import Action, Operation, Plan
from ozwald.model.realm import Layer
from ozwald.model.resources import Hardware
from ozwald.model.service import EnvFile
from tests.builders import gpu, key, observation, spec


def test_a_key_is_shown_with_its_realm_only_when_that_is_not_the_default() -> None:
    assert (str(key("llm")), str(key("llm", "lab"))) == ("llm", "lab:llm")


def test_keys_are_ordered_by_realm_and_then_by_name() -> None:
    assert sorted([key("a", "lab"), key("b"), key("a")]) == [key("a"), key("b"), key("a", "lab")]


@pytest.mark.parametrize(
    "value",
    [
        spec(environment={"TOKEN": "hunter2"}),
        EnvFile(path="a.env", values={"TOKEN": "hunter2"}),
        Layer(values={"environment": {"TOKEN": "hunter2"}}),
        Cache(password="hunter2"),
    ],
)
def test_a_value_does_not_show_the_secrets_it_may_hold(value: object) -> None:
    assert "hunter2" not in repr(value)


@pytest.mark.parametrize(
    ("total", "used", "free"), [(24, 4, 20), (24, 24, 0), (24, 25, 0), (None, 4, None), (24, None, None)]
)
def test_free_vram_is_never_negative_and_unknown_when_either_side_is(
    total: float | None, used: float | None, free: float | None
) -> None:
    expected = None if free is None else free * 1024**3

    assert gpu(total_gib=total, used_gib=used).vram_free_bytes == expected


def test_cards_are_those_of_one_hardware() -> None:
    found = observation(gpus=[gpu(0), gpu(1, hardware=Hardware.AMDGPU)]).resources

    assert [card.index for card in found.cards(Hardware.AMDGPU)] == [1]
    assert found.cards(Hardware.CPU_ONLY) == ()


def test_a_plan_tells_changes_from_what_is_kept_or_blocked() -> None:
    operations = tuple(Operation(action=action, key=key()) for action in Action)
    plan = Plan(operations=operations)

    assert [operation.action for operation in plan.changes] == [
        "stop",
        "create",
        "replace",
        "update",
        "start",
        "restart",
    ]
    assert [operation.action for operation in plan.blocked] == ["blocked"]
