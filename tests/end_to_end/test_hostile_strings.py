"""Hostile strings arrive byte for byte in a container, or are refused by the name of their field.

2,000 of them; OZWALD_SOAK sets how many.
"""

import json
import math
import os
import posixpath
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.hostile_strings import hostile_string
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

STRINGS = max(2_000, int(os.environ.get("OZWALD_SOAK") or 0))
BATCH = 2_000
CONTAINERS = 8
IMAGE = "lab/quick:1"
FIELDS = ("environment", "environment", "command", "command", "labels", "labels", "volumes", "working_dir")
SOURCES = "srv/hostile"
SCRIPT = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"


@dataclass(frozen=True)
class Given:
    """One string on its way: which container's field it is in, and under which key."""

    number: int
    service: str
    field: str

    @property
    def text(self) -> str:
        return hostile_string(self.number)

    @property
    def is_possible(self) -> bool:
        """Whether a container can have it: no zero byte, no half character, no name in a path beyond 255 bytes."""
        if re.search("[\0\ud800-\udfff]", self.text):
            return False
        return self.field != "working_dir" or max(len(part.encode()) for part in self.text.split("/")) <= 255

    @property
    def key(self) -> str:
        return f"K{self.number}"

    @property
    def component(self) -> str:
        """The string as the name of a file or folder, which has no slash and at most 255 bytes."""
        return self.key + self.text.replace("/", "-").encode("utf-8", "replace")[:200].decode("utf-8", "ignore")


def given(first: int) -> list[Given]:
    """A batch of strings over all fields of some containers; one working directory each."""
    batch = []
    directories: set[str] = set()
    for number in range(first, first + BATCH):
        service, field = f"s{number % CONTAINERS}", FIELDS[(number // CONTAINERS) % len(FIELDS)]
        if field == "working_dir" and service in directories:
            field = "environment"
        elif field == "working_dir":
            directories.add(service)
        batch.append(Given(number, service, field))
    return batch


def services(batch: list[Given]) -> dict[str, Any]:
    """The definitions, as somebody writes them who knows that a dollar is doubled."""
    bodies: dict[str, Any] = {
        f"s{index}": {
            "image": IMAGE,
            "pull_policy": "never",
            "environment": {},
            "labels": {},
            "volumes": [],
            "command": ["sh", "-c", SCRIPT.replace("$", "$$"), "sh"],
        }
        for index in range(CONTAINERS)
    }
    for one in batch:
        body, text = bodies[one.service], one.text.replace("$", "$$")
        if one.field in ("environment", "labels"):
            body[one.field][one.key] = text
        elif one.field == "command":
            body["command"].append(text)
        elif one.field == "working_dir":
            body["working_dir"] = f"/w/{text}"
        else:
            component = one.component.replace("$", "$$")
            body["volumes"].append({"type": "bind", "source": f"/{SOURCES}/{component}", "target": f"/v/{component}"})
    return bodies


def root(lab: Lab) -> Path:
    """The host's own root folder."""
    return Path(f"/proc/{lab.hosts['box1'].init.pid}/root")


def arrived(lab: Lab, batch: list[Given]) -> list[str]:
    """What did not arrive as it was written, for each string that did not."""
    engine = lab.hosts["box1"].engine
    found = {
        f"s{index}": engine.call("GET", f"/containers/ozsvc--default--s{index}/json") for index in range(CONTAINERS)
    }
    inside = {name: root(lab) / f"proc/{entry['State']['Pid']}" for name, entry in found.items()}
    variables = {name: set((path / "environ").read_bytes().split(b"\0")) for name, path in inside.items()}
    words = {name: (path / "cmdline").read_bytes().split(b"\0") for name, path in inside.items()}
    made = set(os.listdir(os.fsencode(root(lab) / SOURCES)))
    wrong = []
    for one in batch:
        entry, content = found[one.service], one.text.encode()
        component = os.fsencode(one.component)
        is_right = {
            "environment": f"{one.key}=".encode() + content in variables[one.service],
            "labels": entry["Config"]["Labels"].get(one.key) == one.text,
            "command": content in words[one.service],
            "working_dir": entry["Config"]["WorkingDir"] == posixpath.normpath(f"/w/{one.text}"),
            "volumes": component in made and (inside[one.service] / "root/v" / one.component).is_dir(),
        }
        if not is_right[one.field]:
            wrong.append(f"string {one.number}, {one.field} of {one.service}: {one.text!r}")
    known = {os.fsencode(one.component) for one in batch if one.field == "volumes"}
    return wrong + [f"appeared on the host: {name!r}" for name in made - known]


def writes(user: User, bodies: dict[str, Any]) -> None:
    """The settings as YAML, which escapes what it must."""
    user.has({}, hosts=["box1"])
    definitions = [{"name": name, **body} for name, body in bodies.items()]
    document = {"realms": {"default": {"service-definitions": definitions}}}
    (user.folder / "settings.yml").write_text(yaml.safe_dump(document, width=math.inf))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("first", range(0, STRINGS, BATCH))
def test_every_string_arrives_or_is_refused_by_its_field(user: User, clean_hosts: Lab, first: int) -> None:
    sources = root(clean_hosts) / SOURCES
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()
    batch = given(first)
    can_arrive = [one for one in batch if one.is_possible]
    for one in can_arrive:
        if one.field == "volumes" and ":" in one.component:
            (sources / one.component).mkdir()  # the engine makes no missing folder whose name has a colon

    writes(user, services(batch))
    as_written = user.types("apply", *(f"s{index}" for index in range(CONTAINERS)))
    writes(user, services(can_arrive))
    ran = user.types("apply", "-o", "json", *(f"s{index}" for index in range(CONTAINERS)))

    assert (as_written.code, "settings.yml:" in as_written.err) == (2, True) or len(can_arrive) == len(batch)
    assert ran.code == 0, ran.err[-3000:]
    assert {operation["outcome"] for operation in ran.document["operations"]} == {"created"}
    assert arrived(clean_hosts, can_arrive) == []
    assert not [path for path in (Path("/"), root(clean_hosts)) if (path / "tmp/pwned").exists()]
    assert json.loads(user.types("plan", "-o", "json").out)["operations"][0]["action"] == "keep"
