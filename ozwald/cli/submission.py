"""Submits to a controller what is asked for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ozwald.cli.controllers import Controller
from ozwald.client import ApiError
from ozwald.model.history import InstanceChange
from ozwald.model.host import Host
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Adding, Ask, Removing, persistent_of, wanted_after
from ozwald.planning.set_changes import changes
from ozwald.state.wanted import read_instance

TRIES = 5
CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a request makes of the wanted set `before`; it is nothing but planned until `generation` is there."""

    wanted: WantedSet
    changes: tuple[InstanceChange, ...]
    before: int
    generation: int | None = None


def prepared(controller: Controller, ask: Ask, *, known: Mapping[str, Host], hosts: Mapping[str, Host]) -> Submission:
    """What a request would change; `hosts` are those that it speaks of.

    Raises:
        RequestError: the request does not make sense.
    """
    document = controller.client.wanted()
    instances = tuple(read_instance(entry) for entry in document["instances"])
    before = WantedSet(generation=document["generation"], instances=instances)
    wanted = wanted_after(
        ask, before if before.generation else None, known=known, looked_at=hosts, persistent=persistent_of(before)
    )
    return Submission(wanted=wanted, changes=changes(instances, wanted.instances), before=before.generation)


def submitted(controller: Controller, ask: Ask, *, known: Mapping[str, Host], hosts: Mapping[str, Host]) -> Submission:
    """Asks for it. What keeps the others as they are is merged again where somebody else was faster.

    Raises:
        RequestError: the request does not make sense.
        ApiError: it was refused.
        NoAnswer: whether it was accepted is not known.
    """
    for tries_left in reversed(range(TRIES)):
        planned = prepared(controller, ask, known=known, hosts=hosts)
        try:
            generation = controller.client.update(_listed(planned.wanted), expected=planned.before)
        except ApiError as error:
            is_merged = isinstance(ask, Adding | Removing)
            if error.status != CONFLICT or not is_merged or not tries_left:
                raise
        else:
            return Submission(
                wanted=planned.wanted, changes=planned.changes, before=planned.before, generation=generation
            )
    raise AssertionError("unreachable")


def _listed(wanted: WantedSet) -> list[dict[str, str | None]]:
    return [asdict(one.request) for one in wanted.instances]
