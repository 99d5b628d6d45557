"""What depends on an instance is told where it listens, and is left alone while nobody knows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ozwald.model.observation import Observation
from ozwald.model.plan import Action
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import placed_as
from tests.builders import (
    definition,
    depends_on,
    host,
    key,
    observation,
    our_container,
    port,
    realms,
    request,
    situation,
    wanted,
)
from tests.planning.planned import plan, told


class TestEndpoints:
    def environment(
        self,
        *ports: Any,
        on: str = "box1",
        of: str = "box1",
        said: Mapping[str, str] | None = None,
        name: str = "db",
        address: str = "10.0.0.2",
    ) -> Mapping[str, str]:
        web = definition("web", base={"image": "w:1", "depends_on": depends_on(name), "environment": said or {}})
        known = realms(web, definition(name, base={"image": "d:1", "ports": ports}))
        world = situation({"box1": observation(), "box2": observation()}, hosts=[host("box2", address=address)])
        made = plan(wanted(request("web", host=on), request(name, host=of)), world, known)
        [operation] = [operation for operation in made.operations if operation.key == key("web")]
        assert operation.placement is not None
        return operation.placement.spec.environment

    def test_on_the_same_host_it_is_the_instances_name_and_container_port(self) -> None:
        assert self.environment(port(5432, 15432)) == {"OZWALD_DB_ENDPOINT": "db:5432"}

    def test_on_another_host_it_is_its_address_and_published_port(self) -> None:
        assert self.environment(port(5432, 15432), of="box2") == {"OZWALD_DB_ENDPOINT": "10.0.0.2:15432"}

    def test_an_ipv6_address_stands_in_brackets(self) -> None:
        found = self.environment(port(5432, 15432), of="box2", address="fd00::2")
        assert found == {"OZWALD_DB_ENDPOINT": "[fd00::2]:15432"}

    def test_a_port_that_is_not_published_cannot_be_reached_from_another_host(self) -> None:
        assert self.environment(port(5432), of="box2") == {}
        assert self.environment(port(5432), port(80, 8080), of="box2") == {"OZWALD_DB_ENDPOINT": "10.0.0.2:8080"}

    def test_without_a_port_there_is_no_endpoint(self) -> None:
        assert self.environment() == {}

    def test_what_the_settings_say_wins(self) -> None:
        assert self.environment(port(5432), said={"OZWALD_DB_ENDPOINT": "x"}) == {"OZWALD_DB_ENDPOINT": "x"}

    def services(self, *, required: bool = True, varieties: Mapping[str, Any] | None = None) -> dict[str, Realm]:
        db = {"image": "d:1"} if varieties else {"image": "d:1", "ports": (port(5432, 5432),)}
        return realms(
            definition("web", base={"image": "w:1", "depends_on": depends_on("db", required=required)}),
            definition("db", base=db, varieties=varieties),
        )

    def applied(self, want: WantedSet, known: Mapping[str, Realm]) -> tuple[WantedSet, dict[str, Observation]]:
        """The wanted set and what is seen after it was applied to two empty hosts."""
        world = situation({"box1": observation(), "box2": observation()})
        made = plan(want, world, known)
        there = {
            operation.host: our_container(
                operation.key.name, fingerprint=operation.fingerprint, limits=operation.limits
            )
            for operation in made.operations
        }
        return placed_as(made, want, world), {str(host): observation(found) for host, found in there.items()}

    @pytest.mark.parametrize("required", [True, False])
    @pytest.mark.parametrize("limited", [True, False])
    def test_a_dependency_that_cannot_be_seen_is_where_it_was(self, required: bool, limited: bool) -> None:
        known = self.services(required=required)
        want, seen = self.applied(wanted(request("web", host="box1"), request("db", host="box2")), known)
        world = (
            situation(seen, limit=["box1"])
            if limited
            else situation({"box1": seen["box1"]}, unreachable={"box2": "timed out"})
        )

        made = plan(want, world, known)

        assert "keep web on box1" in told(made)

    @pytest.mark.parametrize("limited", [True, False])
    def test_a_dependant_is_not_replaced_while_nobody_knows_where_its_dependency_listens(self, limited: bool) -> None:
        known = self.services(
            varieties={"cpu-only": {"ports": (port(1, 1),)}, "another": {"ports": (port(2, 2),)}},
        )
        want, seen = self.applied(wanted(request("web", host="box1"), request("db", host="box2")), known)
        here = replace(seen["box1"], containers=(our_container("web", fingerprint="of another address"),))
        world = (
            situation({"box1": here, "box2": observation()}, limit=["box1"])
            if limited
            else situation({"box1": here}, unreachable={"box2": "timed out"})
        )

        [web] = [operation for operation in plan(want, world, known).operations if operation.key == key("web")]

        assert (web.action, web.reason) == (
            Action.KEEP,
            "left as it is, since it is not known now where db listens",
        )

    def test_what_no_variable_may_hold_becomes_an_underscore(self) -> None:
        assert self.environment(port(80), name="qwen1.5-vllm") == {"OZWALD_QWEN1_5_VLLM_ENDPOINT": "qwen1.5-vllm:80"}

    def test_a_dependency_that_moved_replaces_its_dependants(self) -> None:
        web = definition("web", base={"image": "w:1", "depends_on": depends_on("db")})
        known = realms(web, definition("db", base={"image": "d:1", "ports": (port(5432, 5432),)}))
        before = plan(wanted("web", "db"), {"box1": observation()}, known)
        marks = {operation.key.name: operation.fingerprint for operation in before.operations}
        there = [our_container(name, fingerprint=mark) for name, mark in marks.items()]

        made = plan(
            wanted("web", request("db", host="box2")), {"box1": observation(*there), "box2": observation()}, known
        )

        assert told(made) == ["stop db on box1", "create db on box2", "replace web on box1"]
