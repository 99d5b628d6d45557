"""Replays a seed call by call, or tries many: python -m tests.simulator SEED [--without 3,7] [--count 20000]."""

import argparse
import logging
import sys

from tests.simulator.many import try_seeds
from tests.simulator.shrink import wrong
from tests.simulator.story import tell

MOST_SHOWN = 20


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    words.add_argument("seed", type=int, help="the story to tell, or the first of many")
    words.add_argument("--without", default="", help="numbers of steps and faults to leave out, with commas")
    words.add_argument("--count", type=int, default=0, help="how many seeds to try, printing only what goes wrong")
    asked = words.parse_args()
    if asked.count:
        outcome = try_seeds(asked.seed, asked.count)
        print(*outcome.bad[:MOST_SHOWN], outcome, sep="\n")
        return 1 if outcome.bad else 0
    logging.disable()
    numbers = [int(number) for number in asked.without.split(",") if number]
    what = wrong(tell(asked.seed).without(numbers), print)
    print(what or "all well")
    return 1 if what else 0


if __name__ == "__main__":
    sys.exit(main())
