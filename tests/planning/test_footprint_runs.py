"""A request for footprints becomes one run for each combination on each kind of hardware, and each finds its place."""

from dataclasses import replace
from typing import Any

import pytest

from ozwald.errors import RequestError
from ozwald.model.container import (
    LABEL_CONTROLLER,
    LABEL_FOOTPRINT,
    LABEL_GPUS,
    LABEL_REALM,
    LABEL_SERVICE,
    ObservedContainer,
    ObservedPort,
    measured_name,
)
from ozwald.model.footprint import FootprintRequest, Run, RunStatus
from ozwald.model.plan import Placement
from ozwald.model.realm import ServiceDefinition
from ozwald.model.resources import Hardware
from ozwald.model.service import Attachment, Requires
from ozwald.planning.footprint_places import NoRoom, on_hardware, place_run
from ozwald.planning.footprint_runs import Choice, all_choices, runs_of
from ozwald.planning.planner import make_plan
from ozwald.planning.situation import Situation
from tests.builders import (
    CONTROLLER,
    GIB,
    KEY,
    container,
    definition,
    gpu,
    key,
    observation,
    port,
    realms,
    request,
    situation,
    wanted,
)

EVERYWHERE = {kind.value: {"image": f"llm:{kind.value}"} for kind in Hardware}


def names(*choices: Choice) -> list[str]:
    return [str(run.combination) for run in runs_of(choices)]


def asked(*runs: Run, hosts: str | None = None) -> FootprintRequest:
    return FootprintRequest(request_id="r", asked_at=0.0, author="ann", runs=runs, hosts=hosts)


def place(of: ServiceDefinition, where: Situation, **more: Any) -> Placement | NoRoom:
    [run] = runs_of([Choice(definition=of)])
    options = {"run_id": "r-0", "hosts": None, "busy": {}, **more}
    card = options.pop("card", None)
    return place_run(replace(run, card=card), realms(of), where, **options)


def test_what_is_left_out_means_every_variety_with_every_profile() -> None:
    llm = definition(varieties={"nvidia": {}, "cpu-only": {}}, profiles={"small": {}, "big": {}})

    assert names(Choice(definition=llm)) == [
        "llm[nvidia][small]", "llm[nvidia][big]", "llm[cpu-only][small]", "llm[cpu-only][big]",
    ]  # fmt: skip
    assert names(Choice(definition=llm, profile="big")) == ["llm[nvidia][big]", "llm[cpu-only][big]"]
    assert names(Choice(definition=llm, variety="nvidia", profile="big")) == ["llm[nvidia][big]"]


def test_a_definition_without_varieties_and_profiles_is_measured_once() -> None:
    assert names(Choice(definition=definition("web")), Choice(definition=definition("web"))) == ["web"]


def test_all_means_every_container_and_no_declared_data() -> None:
    known = realms(definition("web"), definition("docs", type="source-files"), definition("db", realm="other"))

    assert [one.definition.name for one in all_choices(known)] == ["web", "db"]


def test_all_leaves_out_what_is_unfinished() -> None:
    begun = definition("begun", base={})
    half = definition("half", base={}, varieties={"nvidia": {}, "cpu-only": {"image": "half:cpu"}})

    assert [one.definition.name for one in all_choices(realms(begun, half))] == ["half"]


def test_settings_without_a_container_have_nothing_to_measure() -> None:
    with pytest.raises(RequestError, match="nothing to measure"):
        runs_of([])


def test_a_variety_runs_once_on_each_model_of_card() -> None:
    llm = definition(varieties={"nvidia": {}})
    old = replace(gpu(1), name="T4")
    where = situation({"box1": observation(gpus=[gpu(), old]), "box2": observation(gpus=[gpu()], name="box2")})

    runs = on_hardware(asked(*runs_of([Choice(definition=llm)])), realms(llm), where).runs

    assert [(str(run.combination), run.card) for run in runs] == [("llm[nvidia]", "RTX 4090"), ("llm[nvidia]", "T4")]


def test_a_host_pattern_leaves_other_cards_out() -> None:
    llm = definition(varieties={"nvidia": {}})
    where = situation(
        {"box1": observation(gpus=[gpu()]), "box2": observation(gpus=[replace(gpu(), name="T4")], name="box2")}
    )

    runs = on_hardware(asked(*runs_of([Choice(definition=llm)]), hosts="box2"), realms(llm), where).runs

    assert [run.card for run in runs] == ["T4"]


def test_hardware_that_is_nowhere_is_skipped() -> None:
    llm = definition(varieties=EVERYWHERE)
    where = situation({"box1": observation()})

    runs = on_hardware(asked(*runs_of([Choice(definition=llm)])), realms(llm), where).runs
    [named] = on_hardware(asked(*runs_of([Choice(definition=llm, variety="nvidia")])), realms(llm), where).runs

    assert [run.status for run in runs] == [RunStatus.SKIPPED, RunStatus.SKIPPED, RunStatus.QUEUED]
    assert (named.status, named.reason) == (RunStatus.SKIPPED, "no host that was asked for has nvidia hardware")


def test_cards_of_a_host_that_does_not_answer_are_not_forgotten() -> None:
    llm = definition(varieties={"nvidia": {}})
    where = situation({"box1": observation(gpus=[gpu()])}, unreachable={"box2": "refused"})

    runs = on_hardware(asked(*runs_of([Choice(definition=llm)])), realms(llm), where).runs

    assert [(run.card, run.status) for run in runs] == [("RTX 4090", RunStatus.QUEUED), (None, RunStatus.FAILED)]
    assert "box2" in runs[1].reason


def test_a_run_takes_nobody_elses_name_or_port() -> None:
    base = {"image": "llm:1", "ports": (port(8000, 8000),), "networks": (Attachment(network="back", aliases=("llm",)),)}
    taken = container(ports=[ObservedPort(target=80, protocol="tcp", published=8000)])

    placed = place(definition(base=base), situation({"box1": observation(taken)}))

    assert isinstance(placed, Placement)
    assert placed.spec.instance == "footprint-r-0"
    assert (placed.spec.ports, placed.spec.restart) == ((port(8000),), "no")
    assert placed.spec.networks == (Attachment(network="back"),)


def test_a_run_begins_only_beside_what_runs() -> None:
    big = definition(base={"image": "big:1", "requires": Requires(vram_bytes=20 * GIB)}, varieties={"nvidia": {}})
    where = situation({"box1": observation(gpus=[gpu(used_gib=10)])})

    now = place(big, where)

    assert isinstance(now, NoRoom)
    assert not now.is_final
    assert "14.0 GiB of VRAM free" in now.reason


def test_what_fits_on_no_host_even_when_it_is_empty_is_final() -> None:
    huge = definition(base={"image": "huge:1", "requires": Requires(gpus=2)}, varieties={"nvidia": {}})

    now = place(huge, situation({"box1": observation(gpus=[gpu()])}))

    assert isinstance(now, NoRoom)
    assert now.is_final


def test_one_run_at_a_time_is_measured_on_a_host() -> None:
    where = situation({"box1": observation()})

    now = place(definition("web"), where, busy={"box1": "llm"})

    assert now == NoRoom(reason="box1: measures llm")


def test_a_run_is_placed_on_a_card_of_its_model() -> None:
    llm = definition(varieties={"nvidia": {}})
    old = replace(gpu(1), name="T4")

    placed = place(llm, situation({"box1": observation(gpus=[gpu(), old])}), card="T4")

    assert isinstance(placed, Placement)
    assert placed.gpus == (old,)


def measured(card: str) -> ObservedContainer:
    """A container of a run that is under way."""
    labels = {LABEL_CONTROLLER: CONTROLLER, LABEL_REALM: "default", LABEL_FOOTPRINT: "r-0", LABEL_GPUS: card}
    return container(measured_name("default", "llm", "r-0"), labels=labels | {LABEL_SERVICE: "llm"})


def test_what_a_run_made_is_no_instance_and_is_left_alone() -> None:
    seen = situation({"box1": observation(measured(""))})

    assert list(seen.ours()) == []
    assert make_plan(wanted("web"), realms(definition("web"), definition()), seen, key=KEY).changes[0].key == key("web")
    assert len(make_plan(wanted("web"), realms(definition("web")), seen, key=KEY).operations) == 1


def test_what_a_run_has_of_a_card_counts_as_taken() -> None:
    llm = definition(base={"image": "llm:1", "requires": Requires(vram_bytes=20 * GIB)}, varieties={"nvidia": {}})
    busy, free = gpu(0), replace(gpu(1), vram_used_bytes=4 * GIB)

    plan = make_plan(
        wanted(request(variety="nvidia")),
        realms(llm),
        situation({"box1": observation(measured(busy.id), gpus=[busy, free])}),
        key=KEY,
    )

    [operation] = plan.changes
    assert operation.placement is not None
    assert operation.placement.gpus == (free,)
