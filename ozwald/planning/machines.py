"""Tells when two names of the inventory are one machine."""

from collections.abc import Mapping
from itertools import combinations

from ozwald.errors import RequestError
from ozwald.model.observation import Observation


def check_machines(observations: Mapping[str, Observation]) -> None:
    """Refuses to plan for a machine under two names, on which every service would be seen twice.

    Raises:
        RequestError: there is one; it names both and what to do.
    """
    for one, other in combinations(sorted(observations), 2):
        if _is_same(observations[one], observations[other]):
            raise RequestError(
                f"{one} and {other} are the same machine; remove one of them from the inventory, "
                f"or leave it out: --limit 'all:!{other}'"
            )


def _is_same(one: Observation, other: Observation) -> bool:
    """Machines cloned from one image share container ids, guests of one kernel the boot id: either alone misleads."""
    boots = one.resources.boot_id, other.resources.boot_id
    if None not in boots and boots[0] != boots[1]:
        return False
    ids, others = ({container.id for container in seen.containers} for seen in (one, other))
    if ids or others:
        return bool(ids & others)
    return None not in boots and _hardware(one) == _hardware(other)


def _hardware(seen: Observation) -> tuple[object, ...]:
    facts = seen.resources
    cards = {gpu.id for gpu in facts.gpus}
    return facts.cpu_model, facts.cpu_count, facts.memory_total_bytes, facts.disk_total_bytes, facts.docker, cards
