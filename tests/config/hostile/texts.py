"""Texts made to hurt whoever reads them, each with a name; the large ones are made when they are asked for."""

import string
from collections.abc import Callable
from functools import partial

from ozwald.config.files import MAX_FILE_BYTES

LARGEST = MAX_FILE_BYTES
DEEP = 100_000
SERVICE = "realms:\n  r:\n    service-definitions:\n      s:\n        "

Text = Callable[[], str]


def filled(start: str, part: str, end: str = "") -> str:
    """The part as often as it fits into the largest file."""
    return start + part * ((LARGEST - len(start.encode()) - len(end.encode())) // len(part.encode())) + end


def numbered(start: str, part: str, count: int, end: str = "") -> str:
    """The part `count` times, its `#` a number."""
    return start + "".join(part.replace("#", str(number)) for number in range(count)) + end


def doubling(levels: int, first: str, following: str) -> str:
    """Lines of which each names the one before several times; `<` is the number before `#`."""
    lines = [following.replace("<", str(level - 1)).replace("#", str(level)) for level in range(1, levels)]
    return "\n".join([first.replace("#", "0"), *lines]) + "\n"


def with_keys(keys: str, value: str, more: str = "") -> str:
    """Settings with one value for all of these keys of a host and a service, `[]` behind those of lists."""
    entries = (f"{key[:-2]}: [{value}]" if key.endswith("[]") else f"{key}: {value}" for key in keys.split())
    service = "\n        ".join(entries)
    host = f"{{port: {value}, user: {value}, jump: {value}, vars: {{a: {value}}}, reserve: {{memory: {value}}}}}"
    return f"x-a: {value}\nhosts: {{h: {host}}}\n{more}{SERVICE}{service}\n"


NUMBERS = "cpus replicas shm_size stop_grace_period ports[] group_add[]"
TEXTS = (
    "image command type env_file mem_limit cpus pull_policy restart user ports[] volumes[] environment[] labels[] "
    "networks[] depends_on[] devices[] extra_hosts[] security_opt[] lockers[] cap_add[] tmpfs[]"
)
BOMBS: dict[str, Text] = {
    "billion laughs": lambda: doubling(12, "x-0: &a0 [lol]", "x-#: &a# [*a<, *a<, *a<, *a<, *a<, *a<, *a<, *a<, *a<]"),
    "billion laughs of maps": lambda: doubling(40, "x-0: &a0 {b: c}", "x-#: &a# {b: *a<, c: *a<}"),
    "billion laughs used": lambda: (
        doubling(9, "x-0: &a0 [lol]", f"x-#: &a# [{', '.join(['*a<'] * 9)}]") + f"{SERVICE}environment: {{A: *a8}}\n"
    ),
    "a chain of aliases": lambda: doubling(3000, "x-0: &a0 {b: c}", "x-#: &a# {b: *a<}"),
    "quadratic laughs": lambda: f"x-a: &a [{'x,' * 5000}]\nx-b: [{'*a,' * 5000}]\n",
    "quadratic laughs in small": lambda: f"x-a: &a [{'x,' * 300}]\n{SERVICE}command: [{'*a,' * 300}]\n",
    "merge keys": lambda: doubling(40, "x-0: &a0 {b: c}", "x-#: &a# {<<: [*a<, *a<], d#: e}"),
    "many merge keys": lambda: numbered("x-a: &a {", "k#: v, ", 3000, "}\n") + numbered("", "x-#: {<<: *a}\n", 3000),
    "a merge list": lambda: numbered("x-a: &a {", "k#: v, ", 100, "}\n") + f"x-b: {{<<: [{'*a, ' * 50_000}]}}\n",
    "an alias in itself": lambda: "x-a: &a [*a]\n",
    "a merge in itself": lambda: "x-a: &a {<<: *a}\n",
    "anchors": lambda: filled("x-a: [", "&a x,", "]"),
    "one anchor again and again": lambda: filled("", "- &a x\n"),
    "unknown aliases": lambda: numbered("x-a: [", "*a#,", 50_000, "]"),
    "tag directives": lambda: numbered("", "%TAG !a#! x\n", 200_000, "--- {}\n"),
    "yaml directives": lambda: filled("", "%YAML 1.2\n"),
    "documents": lambda: filled("", "---\na: 1\n"),
    "empty documents": lambda: filled("", "--- \n...\n"),
    "aliases as keys": lambda: "x-a: &a b\nx-b: {" + "*a : 1, " * 1000 + "}\n",
}
NESTS: dict[str, Text] = {
    "brackets": lambda: "[" * DEEP,
    "brackets closed": lambda: "[" * DEEP + "]" * DEEP,
    "braces": lambda: "{" * DEEP,
    "maps in flow": lambda: "{a: " * DEEP + "b" + "}" * DEEP,
    "maps in JSON": lambda: '{"a":' * DEEP + "1" + "}" * DEEP,
    "lists of JSON": lambda: '{"_meta":' + "[" * DEEP + "]" * DEEP + "}",
    "a nest just below python's": lambda: '{"a":' + "[" * 480 + "]" * 480 + "}",
    "dashes": lambda: "- " * DEEP + "a",
    "questions": lambda: "? " * DEEP + "a",
    "steps": lambda: "".join(f"{' ' * level}a:\n" for level in range(2800)),
    "children": lambda: (
        "all:\n"
        + "".join(f"{' ' * (2 * level + 1)}children:\n{' ' * (2 * level + 2)}g{level}:\n" for level in range(900))
    ),
    "short nests by the thousand": lambda: filled("x-a: [", "[" * 50 + "]" * 50 + ",", "]"),
    "a nest in the environment": lambda: f"{SERVICE}environment: {{A: {'[' * 50}{']' * 50}}}",
}
TAGS: dict[str, Text] = {
    name: partial("x-a: {0}\n{1}image: {0}\n".format, text, SERVICE)
    for name, text in {
        "python object": "!!python/object/apply:os.system ['touch ran']",
        "python new": "!!python/object/new:os.system ['touch ran']",
        "python name": "!!python/name:os.system ''",
        "python module": "!!python/module:os ''",
        "python tuple": "!!python/tuple [a]",
        "a verbatim tag": "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch ran']",
        "binary": "!!binary AAAA",
        "a set": "!!set {a, b}",
        "an ordered map": "!!omap [a: 1]",
        "pairs": "!!pairs [a: 1]",
        "vault": "!vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    3132\n",
        "unsafe": "!unsafe '{{ x }}'",
        "own": "!own x",
        "ruby": "!ruby/object:Gem {}",
        "a percent tag": "!%73%79%73 x",
        "timestamp": "!!timestamp 2001-01-01",
        "a wrong int": "!!int x",
        "a wrong float": "!!float []",
        "value": "!!value =",
        "merge": "!!merge <<",
        "on a key": "{!!int 1: x, !!python/name:os.system k: v}",
    }.items()
}
TAGS["a tag handle"] = lambda: "%TAG !p! tag:yaml.org,2002:python/\n---\nx-a: !p!object/apply:os.system ['touch ran']\n"
TAGS["a tag without its handle"] = lambda: "x-a: !q!x y\n"
TAGS["two handles"] = lambda: "%TAG !p! a:\n%TAG !p! b:\n---\nx-a: 1\n"
SIZES: dict[str, Text] = {
    "as large as allowed": lambda: filled("x-a: ", "a"),
    "larger than allowed": lambda: filled("x-a: ", "a") + "aa",
    "a huge literal": lambda: filled("x-a: |\n", f" {'a' * 78}\n"),
    "a huge image": lambda: filled(f"{SERVICE}image: ", "a"),
    "a huge command": lambda: filled(f"{SERVICE}command: ", "a "),
    "a huge command of one word": lambda: f"{SERVICE}command: {'a' * 120_000}",
    "a huge command of escapes": lambda: f"{SERVICE}command: {'x' + chr(92) + 'a' * 60_000}",
    "huge commands": lambda: filled(f"{SERVICE}profiles: [", f"{{name: p, command: {'a' * 120_000}}},", "]"),
    "a huge path": lambda: filled(f"{SERVICE}env_file: ", "/a"),
    "a huge source": lambda: filled(f"{SERVICE}volumes: ['", "/a", ":/x']"),
    "many huge sources": lambda: filled(f"{SERVICE}volumes: [", f"'{'/a' * 60_000}:/x',", "]"),
    "a huge inventory": lambda: filled("inventory: ", "/a"),
    "a huge key": lambda: filled("? ", "a", "\n: b\n"),
    "a huge key over many": lambda: "? " + "a" * 900_000 + "\n: {" + "b: c, " * 20_000 + "}\n",
    "long keys over many": lambda: (
        "realms: {" + ": {".join(["k" * 1000] * 50) + numbered(": {", "k#: {}, ", 20_000, "}") + "}" * 51
    ),
    "a huge comment": lambda: filled("#", "a"),
    "comments": lambda: filled("", "#\n"),
    "empty lines": lambda: filled("", "\n"),
    "carriage returns": lambda: filled("", "\r"),
    "line separators": lambda: filled("x-a: b", "\u2028"),
    "spaces": lambda: filled("a:", " ", "b"),
    "tabs": lambda: filled("a:", "\t", "b"),
    "astral characters": lambda: filled("x-a: ", "\U0001f600"),
    "one astral character": lambda: filled("x-a: \U0001f600", "a"),
    "escapes": lambda: filled('x-a: "', "\\x41", '"'),
    "quotes": lambda: filled("x-a: '", "''", "'"),
    "an open quote": lambda: filled('x-a: "', "a"),
    "an open quote of lines": lambda: filled('x-a: "', "a\n"),
    "folded lines": lambda: filled("x-a: >\n", " a\n"),
    "a plain text of lines": lambda: filled("x-a: b\n", " a\n"),
    "commas": lambda: filled("[", ",", "]"),
    "colons": lambda: filled("", ":\n"),
    "a list": lambda: filled("x-a: [", "a,", "]"),
    "pairs in a list": lambda: filled("x-a: [", "a: b,", "]"),
    "short lists": lambda: filled('{"x-a": [', "[],", "[]]}"),
    "short maps": lambda: filled('{"x-a": [', "{},", "{}]}"),
    "numbers": lambda: filled('{"x-a": [', "1,", "1]}"),
    "different keys": lambda: numbered("", "k#: v\n", 300_000),
    "different keys in flow": lambda: numbered("{", "k#: v, ", 300_000, "}"),
    "different keys in JSON": lambda: numbered("{", '"k#": 1, ', 200_000, '"z": 1}'),
    "the same key": lambda: filled("", "a: b\n"),
    "the same question": lambda: filled("", "? a\n"),
    "the same key in flow": lambda: filled("{", "a: b, ", "}"),
    "the same key in JSON": lambda: filled("{", '"a": 1, ', '"a": 1}'),
    "the same key of the environment": lambda: numbered(f"{SERVICE}environment:\n", "          A: 1\n", 100_000),
    "as many values as allowed": lambda: numbered("x-a: [", "#,", 390_000, "]"),
    "as many wrong values as allowed": lambda: numbered("hosts:\n", "  h#: {port: x}\n", 60_000),
    "as many unknown keys as allowed": lambda: numbered("hosts:\n  a:\n", "    prt#: 1\n", 160_000),
    "as many services as allowed": lambda: numbered(
        "realms: {r: {service-definitions: {", "s#: {image: i}, ", 16_000, "}}}"
    ),
    "as many hosts as allowed": lambda: numbered("hosts:\n", "  h#:\n", 4900),
    "names twice": lambda: "hosts: [" + "{name: a}, " * 20_000 + "]",
    "unknown keys": lambda: numbered("hosts:\n  a:\n", "    prt#: 1\n", 15_000),
    "long unknown keys": lambda: numbered("hosts:\n  a:\n", f"    {'prt' * 20}#: 1\n", 20_000),
    "wrong values": lambda: numbered("hosts:\n", "  h#: {port: x}\n", 5000),
    "wrong references": lambda: numbered("hosts: {a: }\ngroups:\n", "  g#: {hosts: [b#]}\n", 5000),
    "long wrong references": lambda: (
        numbered("hosts: {", f"{'a' * 60}#: , ", 1000)
        + numbered("}\ngroups:\n", f"  g#: {{hosts: [{'a' * 59}#]}}\n", 1000)
    ),
}
SCALARS: dict[str, Text] = {
    name: partial(with_keys, NUMBERS, text)
    for name, text in {
        "a million digits": "9" * 1_000_000,
        "digits just below python's limit": "9" * 4299,
        "digits just above python's limit": "9" * 4301,
        "digits of our limit": "9" * 3000,
        "hexadecimal digits": "0x" + "f" * 2998,
        "more hexadecimal digits": "0x" + "f" * 4000,
        "octal digits": "0o" + "7" * 2998,
        "binary digits": "0b" + "1" * 100_000,
        "underscores": "1" + "_" * 100_000 + "1",
        "a large exponent": "1e999999",
        "a small exponent": "1e-999999",
        "a long exponent": "1e" + "9" * 2000,
        "a long fraction": "0." + "1" * 100_000,
        "infinity": ".inf",
        "no number": ".nan",
        "minus zero": "-0.0",
        "sexagesimals": "1" + ":59" * 100_000,
        "sexagesimals with a fraction": "1" + ":59" * 1000 + ".5",
        "a date": "2001-12-14t21:59:43.10-05:00",
        "a date that is none": "2001-99-99",
        "a date with a far zone": "2001-12-14 21:59:43.10 +99:99",
        "the year zero": "0000-00-00",
        "a size": "9" * 39 + "p",
        "a duration": "9" * 79 + "d",
        "many durations": "1s" * 40_000,
        "a sign": "-",
        "a dot": ".",
        "plus signs": "+" * 10_000,
        "a range of ports": "1-65535",
        "a range of ports twice": "1-65535:1-65535",
        "letters of hexadecimals": "'[" + "a" * 10_000 + "]:80'",
    }.items()
}
VARIABLES: dict[str, Text] = {
    "nested defaults": lambda: f"x-a: b\n{SERVICE}image: '{'${A:-' * DEEP}{'}' * DEEP}'\n",
    "nested unset defaults": lambda: f"{SERVICE}image: '{'${U:-' * 15}{'}' * 15}'\n",
    "open variables": lambda: f"{SERVICE}image: '{'${A' * DEEP}'\n",
    "dollars": lambda: filled(f"{SERVICE}image: '", "$$", "'"),
    "dollars in small": lambda: f"{SERVICE}image: '{'$$' * 60_000}'\n",
    "lone dollars": lambda: numbered("hosts:\n", "  h#: {user: '$'}\n", 5000),
    "variables": lambda: f"{SERVICE}image: '{'$A' * 60_000}'\n",
    "many variables": lambda: f"{SERVICE}environment: [{(chr(39) + 'A=' + '$A' * 1000 + chr(39) + ',') * 1000}]\n",
    "closing braces": lambda: f"{SERVICE}image: '{'}' * 120_000}'\n",
    "defaults in a row": lambda: f"{SERVICE}image: '{'${U:-x}' * 15_000}'\n",
    "needed variables": lambda: numbered("hosts:\n", "  h#: {user: '${U#:?why}'}\n", 5000),
    "a needed variable with a long reason": lambda: f"hosts: {{h: {{user: '${{U:?{'why' * 30_000}}}'}}}}\n",
    "a secret as a value": lambda: with_keys(
        TEXTS, "'$CANARY'", "provisioners: {p: {host: $CANARY, hosts: $CANARY}}\n"
    ),
    "a secret of the file": lambda: with_keys(TEXTS, "$FROM_FILE", "groups: {g: {hosts: [$FROM_FILE]}}\n"),
    "a secret as a reason": lambda: f"{SERVICE}image: ${{U:?${{CANARY}}}}\n",
    "a secret as an inventory": lambda: "inventory: [$CANARY, './$CANARY']\n",
    "a secret as a name": lambda: (
        "hosts: [{name: $CANARY}]\ngroups: {g: {hosts: [$CANARY], children: [$CANARY]}}\n"
        "realms: {r: {service-definitions: [{name: $CANARY, profiles: [{name: $CANARY}]}], networks: [$CANARY]}}\n"
    ),
}
CHARACTERS: dict[str, Text] = {
    "terminal escapes in keys": lambda: (
        '"a\\e[31m\\e]0;x\\a": b\n"a\\e[31m\\e]0;x\\a": b\nhosts: {"h\\e[2J": {"p\\r\\nx": 1}}\n'
    ),
    "directions in keys": lambda: 'hosts: {"h\u202e\u2066": {"p\u200f": 1}}\n',
    "nul in values": lambda: (
        f'{SERVICE}image: "a\\0b"\n        env_file: "a\\0b"\n        volumes: ["a\\0b:/x", "/a\\0:/x"]\n'
        '        user: "\\0"\n        environment: {"A\\0": "\\0"}\n'
    ),
    "nul in paths": lambda: 'inventory: "a\\0b"\nhosts: {h: {identity_file: "~\\0"}}\n',
    "new lines in names": lambda: 'hosts: {"a\\nb": }\ngroups: {"g\\n": {hosts: ["x\\ny"]}}\nrealms: {"r\\n": }\n',
    "half a character in JSON": lambda: '{"all": {"hosts": {"h\\ud800": {"a": "\\udfff"}}}}',
    "half a character in YAML": lambda: 'all: {hosts: {"h\\ud800": }}\n',
    "half a character of python": lambda: "h a='\\ud800'\n[g:vars]\nb='\\ud800'\n",
    "a far character": lambda: 'hosts: {"h\\U00110000": }\n',
    "names of the alphabet": lambda: "".join(f'hosts: {{"{letter}": }}\n' for letter in string.printable[:90]),
    "a null key": lambda: "null: 1\n~: 2\n? \n: 3\n",
    "not numbers in JSON": lambda: '{"all": {"hosts": {"h": {"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e999}}}}',
    "keys of JSON twice": lambda: '{"all": {"hosts": {"h": {}}}, "all": {"hosts": {"i": {}}}}',
    "large numbers in JSON": lambda: '{"all": {"hosts": {"h": {"a": ' + "9" * 5000 + "}}}}",
}
