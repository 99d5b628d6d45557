"""Applies that are killed at named steps and random moments lose nothing and double nothing; the next finishes them.

Teams work on the same hosts at the same time, each with its own data folder: the others' containers are foreign to it.
`./dev soak` kills 2,000 times.
"""

import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.end_to_end.dying import STEPS, Clockwork, Death
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(14400)]

IMAGE = "lab/busybox:1"
HOSTS = ("box1", "box2", "gpu1", "amd1")
KILLS = 2_000 if os.environ.get("OZWALD_SOAK") else 60
NAMES = {"a": "plain", "b": "wired", "c": "plain"}
PROFILES = {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}}


def test_killed_applies_are_finished_by_the_next(clean_hosts: Lab, tmp_path: Path, record: list[str]) -> None:
    strangers = {host: clean_hosts.hosts[host].engine.run(IMAGE, name="ozsvc--theirs--a") for host in HOSTS}
    before, begun = inspected(clean_hosts, strangers), time.time()
    teams = [Team(clean_hosts, tmp_path / f"team{number}", number) for number in range(len(HOSTS))]

    with ThreadPoolExecutor(len(teams)) as pool:
        kills = sum(pool.map(lambda team: team.works(KILLS // len(teams)), teams), Counter[str]())

    record.append(f"killed {kills.total()} times in {time.time() - begun:.0f} s: {dict(kills.most_common())}")
    assert kills.total() >= KILLS
    assert inspected(clean_hosts, strangers) == before
    assert [happened(clean_hosts, host, begun, container=name) for host, name in strangers.items()] == [[]] * len(HOSTS)


class Team:
    """A user with a realm on two of the hosts, whose applies die; `seen` is when its containers ran."""

    def __init__(self, lab: Lab, folder: Path, number: int) -> None:
        folder.mkdir()
        self.lab = lab
        self.realm = f"team{number}"
        self.hosts = (HOSTS[number], HOSTS[(number + 1) % len(HOSTS)])
        self.dice = random.Random(number)
        self.deaths = deaths(self.dice)
        self.looked_at = time.time()
        self.running: Counter[str] = Counter()
        self.user = User(folder, lab)
        self.writes_settings(9000 + number)

    def writes_settings(self, port: int) -> None:
        wired = {"ports": [f"{port}:80"], "networks": ["default", "extra"]}
        services = [
            {"name": name, "image": IMAGE, "profiles": PROFILES, **more}
            for name, more in (("plain", {}), ("wired", wired))
        ]
        realm = {"service-definitions": services, "networks": {"extra": None}}
        (self.user.folder / "settings.yml").write_text(json.dumps({"realms": {self.realm: realm}}))
        self.user.has_hosts([self.user.hosts[name] for name in self.hosts])

    def works(self, kills: int) -> Counter[str]:
        """Applies and is killed until it has died so often; returns how often at which step."""
        died: Counter[str] = Counter()
        with closing(Clockwork(self.user.folder, self.user.environment)) as ozwald:
            while died.total() < kills:
                wanted = self.chooses()
                for death in itertools.islice(self.deaths, self.dice.choice((1, 1, 2, 3))):
                    if ozwald.runs("apply", *wanted, death=death).killed:
                        died[death.step or "any moment"] += 1
                    self.checks_for_twins()
                end = ozwald.runs("apply", *wanted)
                assert end.code == 0, f"{self.realm} {wanted} {death}: {end.output}"
                self.checks_for_twins()
                assert self.containers() == sorted(map(self.expects, wanted)), f"{self.realm} {wanted} {death}"
        return died

    def chooses(self) -> list[str]:
        """One to three instances with a profile and a host each."""
        names = self.dice.sample(sorted(NAMES), self.dice.choice((1, 2, 2, 3)))
        return [f"{name}[{NAMES[name]}][{self.dice.choice(sorted(PROFILES))}]@{self.host()}" for name in names]

    def host(self) -> str:
        """Mostly the same, so that there is more to replace than to move."""
        return self.dice.choice((self.hosts[0], self.hosts[0], self.hosts[1]))

    def expects(self, spec: str) -> tuple[str, str, str, str]:
        """Host, name, profile and state of the container of an instance."""
        words, _, host = spec.partition("@")
        name, _, profile = words.replace("]", "").split("[")
        return host, f"/ozsvc--{self.realm}--{name}", profile, "running"

    def containers(self) -> list[tuple[str, str, str, str]]:
        """The same of every container that there is of this realm."""
        filters = quote(json.dumps({"label": [f"ozwald.realm={self.realm}"]}))
        return sorted(
            (host, found["Names"][0], found["Labels"]["ozwald.profile"], found["State"])
            for host in self.hosts
            for found in self.lab.hosts[host].engine.call("GET", f"/containers/json?all=1&filters={filters}")
        )

    def checks_for_twins(self) -> None:
        """Replays what the engines told since the last look: no instance ever runs twice, on one host or on two."""
        since, self.looked_at = self.looked_at, time.time()
        label = f"ozwald.realm={self.realm}"
        events = [
            event
            for host in self.hosts
            for event in happened(self.lab, host, since, until=self.looked_at, label=label, event=["start", "die"])
        ]
        for event in sorted(events, key=lambda event: event["timeNano"]):
            instance = event["Actor"]["Attributes"]["ozwald.instance"]
            self.running[instance] += 1 if event["Action"] == "start" else -1
            assert self.running[instance] <= 1, f"{self.realm}: {instance} runs twice; {events}"


def deaths(dice: random.Random) -> Iterator[Death]:
    """Every named step before and after, the first few times that it is made, and as many random moments."""
    named = [
        Death(step=step, after=after, count=count) for step in STEPS for after in (False, True) for count in (1, 1, 2)
    ]
    while True:
        for death in dice.sample(named, len(named)):
            yield death
            if dice.random() < 0.3:
                yield Death(seconds=dice.uniform(0.1, 1.5))


def happened(lab: Lab, host: str, since: float, *, until: float | None = None, **filters: Any) -> list[Any]:
    """What an engine told of containers in a time; it keeps the last 256 events."""
    words = {name: value if isinstance(value, list) else [value] for name, value in filters.items()}
    chosen = quote(json.dumps({"type": ["container"], **words}))
    query = f"since={since:.9f}&until={until or time.time():.9f}&filters={chosen}"
    text = lab.hosts[host].engine.call("GET", f"/events?{query}")
    if isinstance(text, dict):
        return [text]
    return [json.loads(line) for line in str(text).splitlines() if line]


def inspected(lab: Lab, strangers: dict[str, str]) -> list[Any]:
    return [lab.hosts[host].engine.call("GET", f"/containers/{name}/json") for host, name in strangers.items()]
