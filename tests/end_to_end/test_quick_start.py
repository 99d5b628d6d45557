"""SPEC.md's quick start works as it is written there, with an image that is small and hosts that are there."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.controlled import KEY, free_port
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.standard import QUICK_IMAGE
from tests.waiting import eventually

pytestmark = pytest.mark.lab

SETTINGS = (Path(__file__).parents[1] / "config" / "spec-example.yml").read_text()
IMAGES = [f"openai-api-vllm.{variety}" for variety in ("nvidia", "amdgpu", "cpu-only")]
LOCALHOST = "  - name: localhost\n    ip: 127.0.0.1\n"
TYPE = "        type: container\n"
SERVICE = "qwen1.5-vllm"
# Processes go by the engine's numbers of them, as on a machine with an engine of its own.
SEES_PROCESSES = ["unshare", "--mount", "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]


@pytest.fixture
def newcomer(user: User) -> Iterator[User]:
    """Somebody who has set the mandatory variables."""
    user.more |= {
        "OZWALD_SYSTEM_KEY": KEY,
        "OZWALD_PROVISIONER": "localhost",
        "OZWALD_FOOTPRINT_DATA": str(user.folder / "footprint.yml"),
    }
    yield user
    user.types("stop_provisioner")


def test_it_works_on_this_machines_own_engine(newcomer: User, clean_hosts: Lab) -> None:
    box = clean_hosts.hosts["box1"]
    newcomer.more["DOCKER_HOST"] = "unix:///proc/1/root/run/docker.sock"
    newcomer.before = ["nsenter", "--target", str(box.init.pid), "--pid", *SEES_PROCESSES]
    (newcomer.folder / "settings.yml").write_text(settings(LOCALHOST))

    assert follow(newcomer)["host"] == "localhost"
    (container,) = box.engine.call("GET", "/containers/json")
    assert container["Names"] == ["/ozsvc--default--chat"]


def test_it_works_on_hosts_of_a_fleet(newcomer: User, clean_hosts: Lab) -> None:
    entries = "".join(f"  - {json.dumps(newcomer.hosts[name])}\n" for name in ("box1", "box2"))
    text = settings(LOCALHOST + entries).replace("    host: localhost\n", "    host: localhost\n    hosts: box*\n")
    (newcomer.folder / "settings.yml").write_text(text)

    assert follow(newcomer)["host"] == "box1"


def settings(hosts: str) -> str:
    """SPEC.md's, with these hosts, an image that is on them, and less time to measure it."""
    assert LOCALHOST in SETTINGS
    assert TYPE in SETTINGS
    text = SETTINGS.replace(LOCALHOST, hosts).replace(TYPE, TYPE + "        footprint: {run-time: 1s}\n")
    for image in IMAGES:
        assert image in text
        text = text.replace(image, QUICK_IMAGE)
    return text


def follow(user: User) -> dict[str, Any]:
    """Goes from start to stop; returns what the API said of the service meanwhile."""
    url = f"http://127.0.0.1:{free_port()}"
    done(user, "start_provisioner", "--listen", url.removeprefix("http://"))
    done(user, "footprint_services", f"{SERVICE}[no-gpu][cpu-only]")
    assert done(user, "status", "-o", "json")["status"] == "healthy"
    assert eventually(lambda: measured(user) == [(SERVICE, "no-gpu", "cpu-only")], 60)
    assert [one["name"] for one in done(user, "list_configured_services", "-o", "json")] == [SERVICE]
    assert [one["name"] for one in curled(f"{url}/srv/services/configured/")] == [SERVICE]
    assert curled(f"{url}/srv/services/active/") == []
    done(user, "update_services", "--wait", "--timeout", "30", f"chat[{SERVICE}][no-gpu][cpu-only]")
    (listed,) = done(user, "list_active_services", "-o", "json")
    (active,) = curled(f"{url}/srv/services/active/")
    assert (listed["name"], active["name"], active["status"]) == ("chat", "chat", "available")
    done(user, "stop_provisioner")
    return dict(active)


def measured(user: User) -> list[tuple[str, str, str]]:
    """Service, profile and variety of what is in the book."""
    book = Path(user.more["OZWALD_FOOTPRINT_DATA"])
    entries = yaml.safe_load(book.read_text()) if book.exists() else []
    return [(one["service_name"], one["profile"], one["variety"]) for one in entries]


def done(user: User, *words: str) -> Any:
    """What a command printed, as JSON where it was asked for; it has to end well."""
    ran = user.types(*words)
    assert ran.code == 0, f"{words}: {ran.out}{ran.err}"
    return ran.document if "json" in words else ran.out


def curled(url: str) -> Any:
    """What the API answers to the line of SPEC.md."""
    words = ["curl", "-sS", "-f", "-H", f"Authorization: Bearer {KEY}", url]
    return json.loads(subprocess.run(words, capture_output=True, check=True, timeout=20).stdout)
