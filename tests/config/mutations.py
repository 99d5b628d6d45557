"""Damages texts, bytes and trees, the same way for the same number."""

import random
from collections.abc import Callable

SNIPPETS = [
    *("\t", "\x00", "\ufeff", "\u2028", "\ud7ff", "\U0001f600", "\\", '"', "'", "`", "%", "@", "!", "&", "*"),
    *("|", ">", "${", "}", "${A:-${B}}", "$$", "$", "${A:?x}", "{{ x }}", "{", "[", "]", ",", ": ", "- "),
    *("? ", "#", "---", "...", "&a ", "*a", "<<: *a", "<<: {a: 1}", "!!int ", "!!binary ", "!vault ", "~"),
    *("!!python/object/apply:os.system ['touch ran'] ", "null", "true", "-1", "0", "1e999", ".nan", ".inf"),
    *("9" * 400, "0x" + "f" * 400, "1" * 5000, "1.5.5", "a--b", "a" * 70, "[1:99999]", "[01:3]", ":99999"),
    *("=", "x-", "/", "../..", "~/", "[" * 80, "{a: " * 80, "hosts:", "realms:", "image: x", "environment:"),
    *("children:", "ansible_port=x", "[web:vars]", "[web:children]", "&a [*a]", "!!set {a, b}", "!!omap [a: 1]"),
    *("\x1b[31m", '"\\e[2J"', '"\\0"', '"\\ud800"', "%TAG ! tag:x,2000:\n---\n", "2001-12-14t21:59:43.10-05:00"),
    *("190:20:30", "0b1010_0111", "0o7", "${CANARY}", "$CANARY", "${CANARY:?why}", "1-65535", "[0:4999]", "\r"),
    *("!ruby/object:Gem {}", "!<tag:yaml.org,2002:python/name:os.system> ''", "yes", "no", "1_000", "\x85"),
]
ODD_VALUES: list[object] = [
    *(None, True, 0, -1, 1.5, float("inf"), 10**30, "", "x", "a b", "$$", "${A}", "a--b", "1g", "5s"),
    *("80:80", "/x:/y", [], {}, [[]], [None], [{}], {"name": "x"}, {"x": None}, [1, "a"], "default", "all"),
    *("nvidia", "\n", "é" * 300, "/dev/zero", "${CANARY}", "1-65535", 65535, float("nan"), "\x1b[31m", "\x00"),
    *(2**63, 10**400, -(2**63), 1e308, "9" * 4301, "0x" + "f" * 2000, "1" + ":59" * 2000, "1e400", ".5", "08"),
    *("~(a+)+$", "all:!all", "h[1:9999]", {"__ansible_vault": 1}, "{{ x }}", ["a"] * 50, {"<<": {"a": 1}}),
]
ODD_KEYS = ["name", "x-y", "imag", "", "hosts", "a--b", "<<", "\x1b[31m", "k" * 200, "null", "1", "é"]

Chance = random.Random
Change = Callable[[str, int, Chance], list[str]]

CHANGES: list[Change] = [
    lambda line, at, chance: [],
    lambda line, at, chance: [line, line],
    lambda line, at, chance: ["  " + line],
    lambda line, at, chance: ["\t" + line],
    lambda line, at, chance: [line[2:]],
    lambda line, at, chance: [line[:at]],
    lambda line, at, chance: [line[:at], line[at:]],
    lambda line, at, chance: [line[:at] + chance.choice(SNIPPETS) + line[at:]],
    lambda line, at, chance: [line[:at] + chance.choice(SNIPPETS) + line[at + 1 :]],
    lambda line, at, chance: [line.partition(":")[0] + ": " + chance.choice(SNIPPETS)],
    lambda line, at, chance: [line[:at] + chr(chance.randrange(0x3000)) + line[at:]],
    lambda line, at, chance: [line.replace(": ", ": &a ", 1)],
    lambda line, at, chance: [line.partition(":")[0] + ": *a"],
    lambda line, at, chance: [line.replace("- ", "- &a ", 1), line.replace("- ", "- *a ", 1)],
]


def damaged_lines(text: str, other: str, chance: Chance) -> str:
    """The text with one to four lines changed, some of them by lines of the other text."""
    lines = text.split("\n")
    for _ in range(chance.choice([1, 1, 1, 2, 3, 4])):
        number = chance.randrange(len(lines))
        source = chance.choice([lines, other.split("\n")]) if chance.random() < 0.2 else [lines[number]]
        line = chance.choice(source)
        lines[number : number + 1] = chance.choice(CHANGES)(line, chance.randint(0, len(line)), chance)
        lines = lines or [""]
    return "\n".join(lines)


def moved_block(text: str, other: str, chance: Chance) -> str:
    """The text with some of its lines, or of the other's, indented otherwise or put elsewhere."""
    lines, source = text.split("\n"), chance.choice([text, other]).split("\n")
    start = chance.randrange(len(source))
    block = source[start : start + chance.randint(1, 12)]
    shift = chance.choice([-4, -2, -1, 0, 1, 2, 4, 8])
    block = [" " * shift + line if shift >= 0 else line[-shift:] for line in block]
    at = chance.randrange(len(lines) + 1)
    return "\n".join([*lines[:at], *block, *lines[at + chance.choice([0, len(block)]) :]])


def damaged_bytes(content: bytes, other: bytes, chance: Chance) -> bytes:
    """The bytes with bits flipped, and parts cut out, repeated, cut off or taken from the other."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        at, length = chance.randrange(len(content) + 1), chance.choice([1, 1, 2, 8, 64, 512])
        before, part, after = content[:at], content[at : at + length], content[at + length :]
        content = chance.choice(
            [
                before + bytes(byte ^ (1 << chance.randrange(8)) for byte in part[:1]) + part[1:] + after,
                before + chance.randbytes(chance.randint(1, 4)) + part + after,
                before + after,
                before,
                before + part * chance.randint(2, 40) + after,
                before + other[chance.randrange(len(other) + 1) :][:length] + part + after,
                after + before + part,
            ]
        )
    return content


def reshaped(value: object, chance: Chance, *, share: float = 0.04, depth: int = 0) -> object:
    """The same tree with a share of its parts replaced, removed, renamed, swapped or doubled."""

    def happens(times: float) -> bool:
        return chance.random() < share * times

    if depth and happens(1):
        return chance.choice(ODD_VALUES)
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if not happens(0.5)}
        entries = {key: reshaped(part, chance, share=share, depth=depth + 1) for key, part in kept.items()}
        if entries and happens(2):
            key = chance.choice([*ODD_KEYS, *entries])
            entries[key] = chance.choice(list(entries.values()))
        return list(entries.values()) if happens(0.25) else entries
    if isinstance(value, list):
        items = [reshaped(part, chance, share=share, depth=depth + 1) for part in value]
        return [*items, chance.choice(items)] if items and happens(1) else items
    return [value] if happens(0.25) else value
