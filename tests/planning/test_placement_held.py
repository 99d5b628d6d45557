"""Instances whose host does not answer, or is outside of what was asked for."""

from tests.builders import (
    definition,
    key,
    observation,
    our_container,
    placed,
    request,
    situation,
    wanted,
)
from tests.planning.placing import BOX, place_one, the_one, why_not


class TestHostsThatDoNotAnswer:
    def test_an_instance_that_was_dropped_while_it_was_there_is_held_when_asked_for_again(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        placements = place_one(definition(), world, wanted("llm", leaving={"llm": "box2"}))

        assert "placed on box2, which is unreachable" in why_not(placements)

    def test_of_two_homes_the_one_it_was_placed_on_wins(self) -> None:
        world = {"box1": observation(our_container(id="1")), "box2": observation(our_container(id="2"))}

        assert the_one(place_one(definition(), world, wanted(placed("box2")))).host == "box2"

    def test_an_instance_placed_there_is_held_and_gets_no_twin(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        placements = place_one(definition(), world, wanted(placed("box2")))

        assert "placed on box2, which is unreachable" in why_not(placements)
        assert not placements.unplaced[0].fits_nowhere

    def test_an_instance_pinned_to_another_host_is_moved(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        assert the_one(place_one(definition(), world, wanted(placed("box2", host="box1")))).host == "box1"

    def test_an_instance_placed_elsewhere_is_not_concerned(self) -> None:
        world = situation({"box1": BOX}, unreachable={"box2": "timed out"})

        assert the_one(place_one(definition(), world, wanted(placed("box1")))).host == "box1"

    def test_an_instance_placed_on_a_host_that_left_the_inventory_is_placed_again(self) -> None:
        assert the_one(place_one(definition(), {"box1": BOX}, wanted(placed("gone")))).host == "box1"


class TestLimit:
    WORLD = situation({"box1": BOX, "box2": BOX}, limit=["box1"])

    def test_an_instance_outside_is_skipped(self) -> None:
        placements = place_one(definition(), self.WORLD, wanted(placed("box2")))

        assert placements.skipped == {key()}
        assert not placements.placed

    def test_an_instance_pinned_outside_is_skipped(self) -> None:
        assert place_one(definition(), self.WORLD, wanted(request(host="box2"))).skipped == {key()}

    def test_an_instance_outside_is_skipped_even_when_it_is_pinned_inside(self) -> None:
        assert place_one(definition(), self.WORLD, wanted(placed("box2", host="box1"))).skipped == {key()}

    def test_a_new_instance_is_placed_inside(self) -> None:
        assert the_one(place_one(definition(), self.WORLD)).host == "box1"

    def test_an_instance_that_is_seen_inside_is_placed_there(self) -> None:
        world = situation({"box1": observation(our_container()), "box2": BOX}, limit=["box1"])

        assert the_one(place_one(definition(), world, wanted(placed("box2")))).host == "box1"
