"""Hosts to place services on, and one service placed."""

from collections.abc import Mapping

from ozwald.model.observation import Observation
from ozwald.model.plan import Placement
from ozwald.model.realm import ServiceDefinition
from ozwald.model.resources import Hardware
from ozwald.model.service import Requires
from ozwald.model.wanted import WantedSet
from ozwald.planning.placement import Placements, place
from ozwald.planning.situation import Situation
from tests.builders import (
    GIB,
    definition,
    gpu,
    key,
    observation,
    realms,
    situation,
    wanted,
)

AMD = gpu(hardware=Hardware.AMDGPU)
NVIDIA_BOX = observation(gpus=[gpu()])
AMD_BOX = observation(gpus=[AMD])
BOX = observation()


def needing(required: Requires, *, variety: str = "cpu-only", name: str = "llm") -> ServiceDefinition:
    return definition(name, varieties={variety: {"requires": required}})


def gib(memory: int | None = None, vram: int | None = None, gpus: int | None = None) -> Requires:
    return Requires(
        memory_bytes=None if memory is None else memory * GIB,
        vram_bytes=None if vram is None else vram * GIB,
        gpus=gpus,
    )


def place_one(
    service: ServiceDefinition, world: Situation | Mapping[str, Observation], want: WantedSet | None = None
) -> Placements:
    seen = world if isinstance(world, Situation) else situation(world)
    return place(want or wanted("llm"), realms(service), seen)


def the_one(placements: Placements) -> Placement:
    assert not placements.unplaced
    return placements.placed[key()]


def why_not(placements: Placements) -> str:
    assert not placements.placed
    return placements.unplaced[0].reason
