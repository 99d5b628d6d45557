"""The undamaged files that mutations begin with, by kind."""

import functools
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent.parent

SETTINGS, INVENTORY, ANSIBLE, DOTENV, ENV_FILE, VARIABLES, REQUESTS, FOOTPRINTS = (
    "settings",
    "inventory",
    "ansible",
    "dotenv",
    "env-file",
    "variables",
    "requests",
    "footprints",
)

ENVIRONMENT = """\
# Everything that environment files have.
A=1
export B = two words # and a comment
C='single ${A} \\' quoted'
D="double ${A:-x} \\n \\"quoted\\" $$"
E=${A:-${B:-none}}${C:+set}
F: colon
G
H="a
value of two lines"
I=${LEVEL-info}#no comment
"""
REQUEST_LIST = """\
- chat[qwen][big][long]@gpu*
- {name: web, service: store, realm: default, host: "all:!gpu02"}
- name: llm
  service: qwen
  variety: cpu-only
  profile: short
"""
BOOK = """\
- service_name: qwen
  realm: default
  profile: fast-gpu
  variety: nvidia
  usage: {cpu_cores: 1.5, memory_gb: 4, vram_gb: 13.5}
- service_name: web
  realm: lab
  profile:
  variety: cpu-only
  usage: {cpu_cores: 0.2, memory_gb: 0.1, vram_gb: null}
  schema: 1
  host: gpu01
  cards: [NVIDIA L4]
  image: "web:1"
  image_gb: 0.4
  measured_at: '2026-11-23T02:00:00Z'
  samples: 412
  steady: {cpu_cores: 0.1, memory_gb: 0.1}
  vram_source: card-difference
  phases: {baseline: 3, load: 1.5, ready: 30}
  script_exit_code: 0
"""


@dataclass(frozen=True)
class Seed:
    """A file's name, and what it holds."""

    name: str
    content: bytes


@functools.cache
def seeds() -> dict[str, list[Seed]]:
    """All of them; the files are those of the other tests and of the examples."""
    corpus = TESTS / "ansible_corpus"
    plain = [path for path in sorted(corpus.iterdir()) if path.is_file() and not path.name.startswith("script")]
    variables = [path for path in sorted(corpus.rglob("group_vars/**/*")) if path.is_file()]
    return {
        SETTINGS: [
            *_read([TESTS / "spec-example.yml", TESTS / "rich.yml", TESTS / "wrong-everywhere.yml"]),
            *_examples(),
        ],
        INVENTORY: _read(sorted(ROOT.glob("inventory/*/hosts.yml"))),
        ANSIBLE: [*_read(plain), *_read(sorted(ROOT.glob("inventory/*/hosts.ini")))],
        DOTENV: [Seed(".env", ENVIRONMENT.encode())],
        ENV_FILE: [Seed("some.env", ENVIRONMENT.encode())],
        VARIABLES: _read(variables),
        FOOTPRINTS: [Seed("book.yml", BOOK.encode())],
        REQUESTS: [Seed("wanted.yml", REQUEST_LIST.encode()), *_read(sorted(ROOT.glob("playbooks/*/wanted.yml")))],
    }


def _examples() -> list[Seed]:
    return _read([*sorted(ROOT.glob("playbooks/*/settings.yml")), ROOT / "demo" / "settings.yml"])


def _read(paths: list[Path]) -> list[Seed]:
    return [Seed(path.name, path.read_bytes()) for path in paths]
