"""Damages texts and trees, the same way for the same number."""

import random
from collections.abc import Callable

SNIPPETS = [
    *("\t", "\x00", "\ufeff", "\u2028", "\ud7ff", "\U0001f600", "\\", '"', "'", "`", "%", "@", "!", "&", "*"),
    *("|", ">", "${", "}", "${A:-${B}}", "$$", "$", "${A:?x}", "{{ x }}", "{", "[", "]", ",", ": ", "- "),
    *("? ", "#", "---", "...", "&a ", "*a", "<<: *a", "<<: {a: 1}", "!!int ", "!!binary ", "!vault ", "~"),
    *("!!python/object/apply:os.system ['touch ran'] ", "null", "true", "-1", "0", "1e999", ".nan", ".inf"),
    *("9" * 400, "0x" + "f" * 400, "1" * 5000, "1.5.5", "a--b", "a" * 70, "[1:99999]", "[01:3]", ":99999"),
    *("=", "x-", "/", "../..", "~/", "[" * 80, "{a: " * 80, "hosts:", "realms:", "image: x", "environment:"),
    *("children:", "ansible_port=x", "[web:vars]", "[web:children]"),
]
ODD_VALUES: list[object] = [
    *(None, True, 0, -1, 1.5, float("inf"), 10**30, "", "x", "a b", "$$", "${A}", "a--b", "1g", "5s"),
    *("80:80", "/x:/y", [], {}, [[]], [None], [{}], {"name": "x"}, {"x": None}, [1, "a"], "default", "all"),
    *("nvidia", "\n", "é" * 300, "/dev/zero"),
]
ODD_KEYS = ["name", "x-y", "imag", "", "hosts", "a--b"]

Change = Callable[[str, int, random.Random], list[str]]

CHANGES: list[Change] = [
    lambda line, at, chance: [],
    lambda line, at, chance: [line, line],
    lambda line, at, chance: ["  " + line],
    lambda line, at, chance: [line[2:]],
    lambda line, at, chance: [line[:at]],
    lambda line, at, chance: [line[:at], line[at:]],
    lambda line, at, chance: [line[:at] + chance.choice(SNIPPETS) + line[at:]],
    lambda line, at, chance: [line[:at] + chance.choice(SNIPPETS) + line[at + 1 :]],
    lambda line, at, chance: [line.partition(":")[0] + ": " + chance.choice(SNIPPETS)],
    lambda line, at, chance: [line[:at] + chr(chance.randrange(0x3000)) + line[at:]],
]


def damaged(text: str, chance: random.Random) -> str:
    """The text with one to four lines changed."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        number = chance.randrange(len(lines))
        line = chance.choice(lines) if chance.random() < 0.1 else lines[number]
        lines[number : number + 1] = chance.choice(CHANGES)(line, chance.randint(0, len(line)), chance)
        lines = lines or [""]
    return "\n".join(lines)


def reshaped(value: object, chance: random.Random, depth: int = 0) -> object:
    """The same tree with some of its parts replaced, removed, renamed or doubled."""
    if depth and chance.random() < 0.04:
        return chance.choice(ODD_VALUES)
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if chance.random() > 0.02}
        entries = {key: reshaped(part, chance, depth + 1) for key, part in kept.items()}
        if entries and chance.random() < 0.05:
            entries[chance.choice(ODD_KEYS)] = chance.choice(list(entries.values()))
        return entries
    if isinstance(value, list):
        items = [reshaped(part, chance, depth + 1) for part in value]
        return [*items, chance.choice(items)] if items and chance.random() < 0.05 else items
    return value
