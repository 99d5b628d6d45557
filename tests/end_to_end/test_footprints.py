"""Services are measured on real hosts, and nothing that was made for that is left."""

import json
from urllib.parse import quote

import pytest

from ozwald.model.container import LABEL_FOOTPRINT
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"


@pytest.fixture
def measuring(user: User) -> User:
    """Somebody who keeps a book."""
    user.more["OZWALD_FOOTPRINT_DATA"] = "footprints.yml"
    return user


def left(lab: Lab, *hosts: str) -> list[str]:
    """Everything that runs have made and that is still there."""
    marked = f"filters={quote(json.dumps({'label': [LABEL_FOOTPRINT]}))}"
    found = []
    for host in hosts:
        call = lab.hosts[host].engine.call
        found += [one["Names"][0] for one in call("GET", f"/containers/json?all=1&{marked}")]
        found += [one["Name"] for one in call("GET", f"/volumes?{marked}")["Volumes"] or []]
        found += [one["Name"] for one in call("GET", f"/networks?{marked}")]
    return found


def test_a_service_is_measured_without_a_controller(measuring: User, clean_hosts: Lab) -> None:
    measuring.has({"web": {"image": IMAGE, "volumes": ["models:/models"]}}, hosts=["box1"])

    ran = measuring.types("footprint_services", "web", "--run-time", "2", "-o", "json")

    assert ran.code == 0, ran.err
    assert left(clean_hosts, "box1") == []
