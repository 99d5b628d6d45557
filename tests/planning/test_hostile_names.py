"""Whatever a name, pattern or spec holds, it is answered soon, or refused in few words."""

import time
from collections.abc import Callable

import pytest

from ozwald.errors import RequestError
from ozwald.planning.names import parse_definition, parse_instance, split_specs
from ozwald.planning.nearest import unknown
from ozwald.planning.patterns import select
from tests.builders import definition, inventory, realms

LIMIT_S = 0.25
LONG = 100_000
FLEET = inventory(
    *(f"gpu{number:04}.rack-a.example.org" for number in range(1000)),
    *("a" * 40 + "!", "a" * 255),
    groups={"gpu": ("gpu0001.rack-a.example.org",)},
)
REALMS = realms(definition("llm"))
TEXTS = {
    "opening brackets": "[" * LONG,
    "closing brackets": "]" * LONG,
    "brackets": "[]" * LONG,
    "subscripts": "[1" * LONG,
    "a long number": f"all[{'9' * 5000}]",
    "a long letter": "a" * LONG,
    "spaces": "a" + " " * LONG + "b",
    "words": "a " * LONG,
    "colons": ":" * LONG,
    "an address": "1:" * LONG,
    "terms": "a:" * LONG,
    "listed terms": "a," * LONG,
    "signs": "!:" * LONG,
    "dots": "." * LONG,
    "labels": "a-." * LONG,
    "stars": "*" * LONG,
    "stars and letters": "*a" * 1000,
    "ranges": "[0:9]" * LONG,
    "parentheses": "~" + "(" * 400 + ")" * 400,
    "nested repeats": "~(a+)+$",
    "nested stars": "~(a*)*b",
    "alternatives that overlap": "~(a|aa)+$",
    "optional letters": "~" + "a?" * 40 + "a" * 40,
    "lazy repeats": "~" + ".*?" * 20 + "b",
    "counted repeats": "~(a{1,100}){1,100}b",
    "repeats in a row": "~" + "a*" * 8 + "b",
    "a large count": "~a{99999999999999999999}",
    "a repeated reference": r"~(.*)(\1)+b",
}


def refused_or_answered_soon(ask: Callable[[], object]) -> None:
    said = ""
    began = time.process_time()
    try:
        ask()
    except RequestError as err:
        said = str(err)
    assert time.process_time() - began < LIMIT_S
    assert len(said) < 10_000


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hostile_text_costs_no_time(text: str) -> None:
    refused_or_answered_soon(lambda: select(FLEET, text))
    refused_or_answered_soon(lambda: split_specs([text]))
    refused_or_answered_soon(lambda: parse_instance(text, REALMS))
    refused_or_answered_soon(lambda: parse_definition(text, REALMS))
    refused_or_answered_soon(lambda: unknown("host", text, FLEET.hosts))


@pytest.mark.parametrize(
    "pattern",
    [r"~gpu\d+\.rack-[ab]\..*", "~gpu00(01|02|03|04|05|06|07|08)", "~(web|gpu)0?0?0?1.*org$", r"~.*\.rack-.*\..*"],
)
def test_an_ordinary_expression_has_time_enough(pattern: str) -> None:
    assert select(FLEET, pattern)


def test_an_expression_that_may_run_for_ever_is_refused_with_the_way_out() -> None:
    with pytest.raises(RequestError, match=r"pattern '~\(a\+\)\+\$' could take too long; repeat no group"):
        select(FLEET, "~(a+)+$")


def test_thousands_of_hosts_may_be_named_one_by_one() -> None:
    names = list(FLEET.hosts)
    assert len(select(FLEET, ",".join(names))) == len(names)
