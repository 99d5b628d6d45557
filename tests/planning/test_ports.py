"""A port is given once: to who has it, and never where another process listens on it."""

from dataclasses import replace
from typing import Any

import pytest

from ozwald.model.container import ObservedPort
from ozwald.model.realm import ServiceDefinition
from ozwald.model.resources import Listener
from ozwald.model.wanted import WantedSet
from ozwald.planning.placement import place
from ozwald.planning.situation import Situation
from tests.builders import (
    definition,
    key,
    observation,
    our_container,
    placed,
    port,
    realms,
    request,
    situation,
    wanted,
)

LISTENER = Listener(protocol="tcp", address="0.0.0.0", port=8080, user="ann")


class TestPorts:
    WEB = definition("web", base={"image": "web:1", "ports": (port(80, 8080),)})
    NEW = definition("new", base={"image": "new:1", "ports": (port(80, 8080),)})
    OLD = our_container("web", ports=[ObservedPort(target=80, protocol="tcp", published=8080)])

    def why_not_new(self, want: WantedSet, world: Situation, web: ServiceDefinition = WEB) -> str:
        found = place(want, realms(web, self.NEW), world)
        return next((one.reason for one in found.unplaced if one.key.name == "new"), "")

    def test_what_is_kept_keeps_its_port(self) -> None:
        world = situation({"box1": observation(self.OLD)})

        assert "port 8080/tcp is taken by web" in self.why_not_new(wanted("web", "new"), world)

    def test_what_runs_but_fits_nowhere_keeps_its_port(self) -> None:
        world = situation({"box1": observation(self.OLD)})
        web = definition("web", varieties={"nvidia": {}})

        assert "port 8080/tcp is taken by web" in self.why_not_new(wanted("web", "new"), world, web)

    def test_what_is_held_keeps_its_port_where_it_runs_too(self) -> None:
        world = situation({"box1": observation(self.OLD)}, unreachable={"box2": "timed out"})

        assert "port 8080/tcp is taken by web" in self.why_not_new(wanted(placed("box2", "web"), "new"), world)

    def test_what_is_pinned_outside_a_limit_keeps_its_port_inside(self) -> None:
        world = situation({"box1": observation(self.OLD), "box2": observation()}, limit=["box1"])

        assert "port 8080/tcp is taken by web" in self.why_not_new(wanted(request("web", host="box2"), "new"), world)

    def test_what_keeps_its_port_goes_before_what_wants_it_now(self) -> None:
        other = our_container("new", ports=[ObservedPort(target=80, protocol="tcp", published=9090)])

        world = situation({"box1": observation(self.OLD, other)})

        assert "port 8080/tcp is taken by web" in self.why_not_new(wanted("web", "new"), world)

    def test_a_port_that_a_process_listens_on_is_taken(self) -> None:
        world = situation({"box1": observation(listeners=[LISTENER])})

        assert self.why_not_new(wanted("new"), world) == (
            "no host can carry it: box1: port 8080/tcp is taken by a process of user ann"
        )

    def test_the_process_is_named_where_it_is_known(self) -> None:
        known = replace(LISTENER, command="nginx", pid=7)

        why = self.why_not_new(wanted("new"), situation({"box1": observation(listeners=[known])}))
        assert "is taken by nginx (process 7) of user ann" in why

    def test_another_host_is_chosen_where_a_process_has_the_port(self) -> None:
        world = situation({"box1": observation(listeners=[LISTENER]), "box2": observation(listeners=[])})

        assert place(wanted("new"), realms(self.NEW), world).placed[key("new")].host == "box2"

    @pytest.mark.parametrize(
        "other", [{"port": 8081}, {"protocol": "udp"}], ids=["another port", "the same of another protocol"]
    )
    def test_what_listens_elsewhere_is_in_nobody_s_way(self, other: dict[str, Any]) -> None:
        seen = observation(listeners=[replace(LISTENER, **other)])

        assert not self.why_not_new(wanted("new"), situation({"box1": seen}))

    @pytest.mark.parametrize(("address", "is_taken"), [("10.0.0.7", True), ("127.0.0.1", False), ("::", True)])
    def test_only_the_address_it_is_published_on_counts(self, address: str, is_taken: bool) -> None:
        self_only = definition("web", base={"image": "web:1", "ports": (port(80, 8080, host_ip="10.0.0.7"),)})
        world = situation({"box1": observation(listeners=[replace(LISTENER, address=address)])})

        assert bool(place(wanted("web"), realms(self_only), world).unplaced) == is_taken

    @pytest.mark.parametrize("address", ["0.0.0.0", "::"])
    def test_an_instance_keeps_the_port_that_the_engine_listens_on_for_it(self, address: str) -> None:
        seen = observation(self.OLD, listeners=[replace(LISTENER, user="root", address=address)])

        assert not place(wanted("web"), realms(self.WEB), situation({"box1": seen})).unplaced

    @pytest.mark.parametrize("state", ["restarting", "created"])
    def test_an_instance_that_comes_up_has_its_port(self, state: str) -> None:
        """The engine listens for it before it says so: between two restarts, and while it starts for whoever died."""
        falling = our_container("web", state=state)
        world = situation({"box1": observation(falling, listeners=[LISTENER])})

        assert not place(wanted("web"), realms(self.WEB), world).unplaced
        assert "taken by a process" in self.why_not_new(wanted("web", "new"), world, definition("web"))

    def test_what_is_stopped_gives_the_port_away_that_the_engine_listens_on(self) -> None:
        world = situation({"box1": observation(self.OLD, listeners=[LISTENER])})

        assert not self.why_not_new(wanted("new"), world)

    def test_what_is_stopped_gives_its_port_away(self) -> None:
        assert not self.why_not_new(wanted("new"), situation({"box1": observation(self.OLD)}))
