"""Inventories and environment files that are short and mean too much, or long and mean little."""

from itertools import pairwise

from tests.config.hostile.texts import DEEP, SERVICE, Text, doubling, filled, numbered

INI: dict[str, Text] = {
    "a range without end": lambda: "h[0:99999999999]\n",
    "a range longer than numbers": lambda: f"h[0:{'9' * 400}]\n",
    "ranges in ranges": lambda: "h[1:9999][1:9999]\n",
    "letters in letters": lambda: f"h{'[a:z]' * 40}\n",
    "ranges of one": lambda: f"h{'[1:1]' * 45}\n",
    "many ranges of one": lambda: f"h{'[1:1]' * 50_000}\n",
    "a range of thousands and ranges of one": lambda: f"h[1:5000]{'[1:1]' * 40}\n",
    "steps of nothing": lambda: "h[1:9:0]\n",
    "backwards": lambda: "h[9:1]\nh[z:a]\n",
    "many ranges": lambda: numbered("", "h#x[1:5000]\n", 20_000),
    "one range again and again": lambda: "h[1:5000]\n" * 20_000,
    "a range with many variables": lambda: f"h[1:5000] {' '.join(f'v{number}=1' for number in range(1000))}\n",
    "many hosts for many variables": lambda: numbered("[g]\nh[1:4000]\n[g:vars]\n", "v#=1\n", 4000),
    "many hosts": lambda: numbered("", "h#\n", 200_000),
    "many groups": lambda: numbered("", "[g#]\n", 200_000),
    "many groups for many hosts": lambda: numbered("[g]\nh[1:1000]\n", "[g#:children]\ng\n", 5000),
    "many declared nowhere": lambda: numbered("", "[g#:vars]\n", 100_000),
    "many wrong lines": lambda: filled("", "a b\n"),
    "many variables": lambda: filled("[all:vars]\n", "a=b\n"),
    "many literals": lambda: filled("[all:vars]\n", "a=[1,2]\n"),
    "a line of words": lambda: filled("h ", "a=b "),
    "a line of one word": lambda: filled("h a=", "b"),
    "a line of escapes": lambda: filled("h a=", "\\a"),
    "a line of quotes": lambda: filled("h a=", "''"),
    "a line of double quotes": lambda: filled('h a="', "\\a", '"'),
    "an open quote": lambda: filled("h a='", "b"),
    "a line of comments": lambda: filled("h ", "#"),
    "a host of dashes": lambda: f"h{'-' * 250}\n",
    "a host of labels": lambda: f"{'a-.' * 80}\n",
    "many hosts of labels": lambda: f"{'a-.' * 80}\n" * 5000,
    "an address": lambda: f"{'1:' * DEEP}\n",
    "an address with ranges": lambda: f"{'[1:1]:' * 40}\n" * 2000,
    "a long host": lambda: f"{'a' * 1_000_000}\n",
    "a long section": lambda: f"[{'a' * 1_000_000}]\n",
    "open sections": lambda: "[" * DEEP + "\n",
    "a literal of signs": lambda: f"[all:vars]\na={'-' * 19_000}1\n",
    "a literal of brackets": lambda: f"[all:vars]\na={'[' * 9_000}{']' * 9_000}\n",
    "a literal of parentheses": lambda: f"[all:vars]\na={'(' * 150}1{')' * 150}\n",
    "a literal of sums": lambda: f"[all:vars]\na={'1+' * 9_000}1j\n",
    "a literal of texts": lambda: f"[all:vars]\na={chr(39) * 19_000}\n",
    "a literal of digits": lambda: f"[all:vars]\na={'9' * 19_000}\n",
    "a literal of hexadecimal digits": lambda: (
        f"[all:vars]\na=0x{'f' * 19_000}\nansible_port=0x{'f' * 19_000}\n[x]\nh\n"
    ),
    "a literal of attributes": lambda: f"[all:vars]\na={'a.' * 9_000}b\nb={'not ' * 4_000}1\n",
    "a literal of calls": lambda: (
        f"[all:vars]\na=__import__('os').system('touch ran')\nb=set()\nc={'set(' * 90}{')' * 90}\n"
    ),
    "a literal of functions": lambda: f"[all:vars]\na={'lambda:' * 2000}1\nb={'1 if 1 else ' * 1500}1\n",
    "long literals": lambda: filled("[all:vars]\n", f"a=[{'1,' * 9_000}]\n"),
    "a priority": lambda: f"[g]\nh\n[g:vars]\nansible_group_priority={'9' * 4000}\n",
    "a circle": lambda: "[a:children]\nb\n[b:children]\na\n",
    "a long circle": lambda: (
        numbered("[g0]\nh\n", "[g#:children]\n", 1)
        + "".join(f"[g{number}:children]\ng{(number + 1) % 5000}\n" for number in range(5000))
    ),
    "a chain": lambda: (
        "".join(f"[g{number}:children]\ng{number + 1}\n" for number in range(5000)) + "[g5000]\nh[1:100]\n"
    ),
    "diamonds": lambda: diamonds("[{0}:children]\n{1}\n{2}\n", 2000) + "[a2000]\nh[1:50]\n[b2000]\nh[1:50]\n",
    "every group in every group": lambda: (
        "".join(f"[g{one}:children]\n" + "".join(f"g{other}\n" for other in range(one + 1, 400)) for one in range(399))
        + "[g399]\nh[1:9]\n"
    ),
    "ssh arguments": lambda: f"h ansible_ssh_common_args='{'-o ' * 60_000}'\n",
}
OURS: dict[str, Text] = {
    "a circle of groups": lambda: "groups: {a: {children: [b]}, b: {children: [a]}}\n",
    "circles of groups": lambda: numbered("groups:\n", "  g#: {children: [g#]}\n", 5000),
    "a dense circle of groups": lambda: (
        "groups:\n"
        + "".join(f"  g{one}: {{children: [{','.join(f'g{other}' for other in range(150))}]}}\n" for one in range(150))
    ),
    "diamonds of groups": lambda: (
        "hosts: {h: }\ngroups:\n"
        + diamonds("  {0}: {{children: [{1}, {2}]}}\n", 2000)
        + "  a2000: {hosts: [h]}\n  b2000: {hosts: [h]}\n"
    ),
    "variables for all": lambda: (
        numbered("hosts:\n", "  h#:\n", 3000)
        + "groups:\n  g:\n    hosts: ["
        + numbered("", "h#,", 3000)
        + "]\n    vars: {"
        + numbered("", "v#: 1, ", 3000)
        + "}\n"
    ),
    "hosts in every group": lambda: (
        numbered("hosts:\n", "  h#:\n", 500)
        + "groups:\n"
        + "".join(f"  g{one}: {{hosts: &h{one} [{numbered('', 'h#,', 500)}]}}\n" for one in range(60))
    ),
    "one list of hosts for all groups": lambda: (
        numbered("hosts:\n", "  h#:\n", 500)
        + f"x-h: &h [{numbered('', 'h#,', 500)}]\n"
        + numbered("groups:\n", "  g#: {hosts: *h}\n", 3000)
    ),
    "a circle of services": lambda: numbered(
        "realms: {r: {service-definitions: {", "s#: {depends_on: [s#]}, ", 4000, "}}}"
    ),
    "a dense circle of services": lambda: (
        "realms: {r: {service-definitions: {"
        + "".join(f"s{one}: {{depends_on: [{','.join(f's{other}' for other in range(150))}]}}, " for one in range(150))
        + "}}}"
    ),
    "ports": lambda: f"{SERVICE}image: i\n        ports: [{'1-65535,' * 5000}]\n",
    "ports in profiles": lambda: f"{SERVICE}profiles: {{{numbered('', 'p#: {ports: [1-65535]}, ', 5000)}}}\n",
    "ports in a long form": lambda: f"{SERVICE}ports: [{'{target: 1-65535, published: 1-65535},' * 5000}]\n",
    "networks nobody has": lambda: f"{SERVICE}networks: [{numbered('', 'n#,', 30_000)}]\n",
    "patterns": lambda: (
        "hosts: {h: }\nprovisioners: {p: {host: h, hosts: '" + "[" * 60_000 + "'}, q: {host: h, hosts: '~(h+)+$'}}\n"
    ),
    "a list of patterns": lambda: (
        numbered("hosts:\n", "  h#:\n", 2000) + f"provisioners: {{p: {{host: h1, hosts: '{'*h*,' * 20_000}'}}}}\n"
    ),
    "one file for all services": lambda: numbered(
        "realms: {r: {service-definitions: {", "s#: {image: i, env_file: settings.yml}, ", 3000, "}}}"
    ),
    "devices for env files": lambda: (
        f"{SERVICE}env_file: [/dev/zero, /dev/full, /dev/random, /dev/stdin, /proc/self/mem]\n"
    ),
    "one file with paths": lambda: f"{SERVICE}env_file: [{numbered('', './#/../../../../../../../dev/zero,', 5000)}]\n",
}
DOTENV: dict[str, Text] = {
    "texts that double": lambda: doubling(64, "A#=xxxxxxxxxx", "A#=$A<$A<"),
    "texts that grow tenfold": lambda: doubling(20, "A#=xxxxxxxxxx", f"A#={'${A<}' * 10}"),
    "empty texts that double": lambda: doubling(2000, "A#=", "A#=$A<$A<$A<"),
    "quoted texts that double": lambda: doubling(64, "A#=x", 'A#="$A<$A<"'),
    "a variable of itself": lambda: "A=$A$A\n" * 5000 + "B=${B}${B}\n" * 5000,
    "variables of each other": lambda: "A=$B\nB=$A\n" * 5000,
    "nested defaults": lambda: f"A={'${B:-' * DEEP}{'}' * DEEP}\n",
    "spaces in a value": lambda: filled("A=a", " ", "b\n"),
    "spaces before comments": lambda: filled("A=a", " x#"),
    "spaces and no value": lambda: filled("A", " ", "b\n"),
    "spaces before a key": lambda: filled("", " ", "A"),
    "empty lines": lambda: filled("", " \n"),
    "comments": lambda: filled("", "#\n"),
    "exports": lambda: filled("export ", " "),
    "single quotes": lambda: filled("A='", "a", "'\n"),
    "escaped single quotes": lambda: filled("A='", "\\'", "'\n"),
    "double quotes": lambda: filled('A="', "a", '"\n'),
    "escapes": lambda: filled('A="', "\\n", '"\n'),
    "escapes of small texts": lambda: f'A="{chr(92) + "n"}"\n' * 19_000,
    "an open quote": lambda: filled('A="', "a"),
    "open quotes": lambda: filled("", 'A="\n'),
    "variables": lambda: filled("", "A=b\n"),
    "different variables": lambda: numbered("", "A#=b\n", 300_000),
    "as many variables as allowed": lambda: numbered("", "A#=b\n", 19_999),
    "keys without values": lambda: filled("", "A\n"),
    "a long key": lambda: filled("", "A", "=b\n"),
    "a long value": lambda: filled("A=", "b"),
    "dollars": lambda: filled("A=", "$$"),
    "wrong dollars": lambda: "A=$\n" * 10_000,
}


def diamonds(line: str, levels: int) -> str:
    """Groups in pairs, each in both of the pair above: two to the power of `levels` ways lead down."""
    pairs = [(f"a{level}", f"b{level}") for level in range(levels + 1)]
    return "".join(line.format(parent, *below) for above, below in pairwise(pairs) for parent in above)
