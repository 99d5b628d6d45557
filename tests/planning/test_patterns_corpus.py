"""Host patterns name the hosts that `ansible PATTERN --list-hosts` names, in its order, on many inventories."""

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import RequestError
from ozwald.model.host import Inventory
from ozwald.planning.patterns import select
from tests.config.ansible_core import CASES, CORPUS, ask, environment, read, sources

pytestmark = pytest.mark.filterwarnings("ignore:Possible nested set")

SEED = 20
RANDOM_PATTERNS = 120
SUBSCRIPT = re.compile(r"\[[0-9:-]+\]")
FIXED = (
    *(
        "all",
        "*",
        "!all",
        "ungrouped",
        "all:!ungrouped",
        "all:&ungrouped",
        "ungr*",
        "al*",
        "a*",
        "~a",
        "~.*",
        "?*",
        "[a-m]*",
    ),
    *(
        "all[0]",
        "all[-1]",
        "all[1:2]",
        "all[1:]",
        "all[0:0]",
        "all[2:0]",
        "all[0-1]",
        "all[99]",
        "all[-99]",
        "all[5:9]",
    ),
    *("*[0]", "*[1:3]", "*[-1]", "~.*[0]", "*1[0]", "[a-z]*[0]", "[0]", "all[x]", "all[01]", "all[1:-1]"),
    *("localhost", "127.0.0.1", "::1", "fe80::1", "2001:db8::2", "[::1]:22", "10.0.0.1:22", "nothing", "@file", "ünï*"),
    *(
        "",
        " ",
        ",",
        ":",
        "!",
        "&",
        "a:",
        ":a",
        ",all",
        "all,",
        "all all",
        "all , all",
        "!",
        "!:all",
        "&all",
        "~(",
        "~[",
        "all[",
    ),
    *(
        "all:!nothing",
        "all:&nothing",
        "nothing:all",
        "all,nothing",
        "*:!all",
        "!*",
        "all;x",
        "al\\l",
        "ALL",
        "Web",
        "{all}",
    ),
)


def patterns_for(inventory: Inventory) -> list[str]:
    chance = random.Random(f"{SEED}{list(inventory.hosts)}")
    made = (a_pattern(chance, inventory) for _ in range(RANDOM_PATTERNS))
    return list(dict.fromkeys((*FIXED, *inventory.hosts, *inventory.groups, *made)))


def a_pattern(chance: random.Random, inventory: Inventory) -> str:
    terms = [a_term(chance, inventory) for _ in range(chance.choice((1, 1, 2, 2, 3, 4)))]
    pattern = chance.choice((":", ":", ",", " , ", " ")).join(terms)
    if chance.random() < 0.1:
        at = chance.randrange(len(pattern) + 1)
        pattern = pattern[:at] + chance.choice(":,[]!&~*?. \\|") + pattern[at + chance.randrange(2) :]
    return pattern


def a_term(chance: random.Random, inventory: Inventory) -> str:
    name = chance.choice((*inventory.groups, *inventory.hosts, "nothing"))
    at = chance.randrange(len(name))
    form = chance.choice(
        ("{0}",) * 4 + ("{1}*", "*{2}", "{1}?{3}", "{1}[{4}-z]*", "[!{4}]*", "~{1}", "~.*{2}", "~{1}.*[0]")
    )
    term = form.format(name, name[:at], name[at:], name[at + 1 :], name[at] if name[at].isalnum() else "a")
    if chance.random() < 0.3:
        term += chance.choice(("[0]", "[1]", "[-1]", "[-2]", "[0:1]", "[1:]", "[1-2]", "[0:0]", "[1:0]", "[3:9]"))
    return chance.choice(("", "", "", "!", "&")) + term


@pytest.fixture(scope="module")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Inventory]:
    return {case: read(sources(case), tmp_path_factory.mktemp("settings")) for case in CASES}


@pytest.fixture(scope="module")
def answers(inventories: dict[str, Inventory], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    cases = [{"sources": sources(case), "patterns": patterns_for(inventories[case])} for case in CASES]
    found = ask(cases, tmp_path_factory.mktemp("answers"))
    return {case: answer["hosts"] for case, answer in zip(CASES, found, strict=True)}


def difference(inventory: Inventory, pattern: str, theirs: dict[str, Any]) -> str:
    """What is not as in Ansible; what it ignores, or makes up, must be an error that names it."""
    try:
        ours = [host.name for host in select(inventory, pattern)]
    except RequestError as err:
        return "" if may_refuse(inventory, pattern, theirs, str(err)) else f"refused: {err}"
    if theirs["error"] or theirs["terms"] or not theirs["hosts"]:
        return f"not refused: {ours}"
    if not theirs["settled"]:
        ours, theirs["hosts"] = ([], []) if SUBSCRIPT.search(pattern) else (sorted(ours), sorted(theirs["hosts"]))
    return "" if ours == theirs["hosts"] else f"{ours} are not {theirs['hosts']}"


def may_refuse(inventory: Inventory, pattern: str, theirs: dict[str, Any], refusal: str) -> bool:
    """Ansible takes an empty pattern for `all`, drops a lone bracket and makes up a `localhost`; Ozwald refuses."""
    half_bracket = "," not in pattern and re.search(r"[\[\]]", re.sub(r"\[[^\]]*\]", "", pattern))
    if half_bracket or not pattern.strip(" ,:") or any(host not in inventory.hosts for host in theirs["hosts"]):
        return True
    if theirs["error"] and not theirs["error"].startswith("Specified inventory"):
        return True
    return any(repr(term[:60])[1:-1] in refusal for term in theirs["terms"]) if theirs["terms"] else not theirs["hosts"]


@pytest.mark.parametrize("case", CASES)
def test_patterns_name_the_hosts_that_ansible_names(
    case: str, inventories: dict[str, Inventory], answers: dict[str, Any]
) -> None:
    differences = {pattern: difference(inventories[case], pattern, theirs) for pattern, theirs in answers[case].items()}
    assert {pattern: text for pattern, text in differences.items() if text} == {}


@pytest.mark.parametrize("pattern", ["site:!db[0]", "~web[12]:mail*:!web2*"])
def test_the_command_ansible_names_the_same_hosts(pattern: str, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("ansible")), pattern, "-i", "basic.ini", "--list-hosts"]
    ran = subprocess.run(
        command, cwd=CORPUS, env=environment(tmp_path), capture_output=True, text=True, timeout=100, check=True
    )
    _, *theirs = ran.stdout.split()[1:]
    assert [host.name for host in select(read(sources("basic.ini"), tmp_path), pattern)] == theirs
