"""`python -m demo up`: makes a fleet and images, then does what a user would do, command by command."""

import argparse
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.lab import HostOptions, Lab, take_down

HERE = Path(__file__).parent
HOSTS = {"gpu1": HostOptions(nvidia="tesla-t4.xml"), "box1": HostOptions(), "box2": HostOptions()}
WANTED = ["chat[llm][nvidia][short-context]", "draft[llm][cpu-only][short-context]@box1", "status[web]@box2"]
CHANGED = ["chat[llm][nvidia][long-context]", *WANTED[1:]]
QUESTION = {"model": "tiny-chat", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 12}


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--directory", type=Path, default=Path(".lab/demo"))
    arguments = parser.parse_args(words)
    directory: Path = arguments.directory.absolute()
    if arguments.command == "down":
        tear_down(directory)
        return 0
    began = time.monotonic()
    tear_down(directory)
    lab = make_fleet(directory)
    user = User(directory / "user")
    user.settle(lab)
    try:
        walk(user, lab)
    except subprocess.CalledProcessError as failed:
        say(f"That failed (exit code {failed.returncode}). The hosts are still up; ./dev demo-down takes them down.")
        return 1
    finally:
        hand_over([user.folder, lab.identity_file, lab.identity_file.parent])
    say(f"Done in {time.monotonic() - began:.0f} s.")
    print(what_next(user, lab))
    return 0


def tear_down(directory: Path) -> None:
    """Ends the demo's hosts, and a controller that was started for them; the built images stay for the next time."""
    user = User(directory / "user")
    if user.folder.exists():
        user.runs("stop_provisioner")
    take_down(directory / "fleet")
    shutil.rmtree(directory / "user", ignore_errors=True)


def make_fleet(directory: Path) -> Lab:
    """Three hosts that stay up, with the images where they are needed."""
    say("Building two images: a llama.cpp server and a web page")
    images = build_images(directory / "images")
    say(f"Starting {len(HOSTS)} hosts, each with an sshd and a Docker Engine of its own")
    lab = Lab.start(directory / "fleet", HOSTS, detached=True)
    lab.hosts["gpu1"].load_image(images["ozwald-demo/llm:1"])
    lab.hosts["box1"].load_image(images["ozwald-demo/llm:1"])
    lab.hosts["box2"].load_image(images["ozwald-demo/web:1"])
    return lab


def build_images(directory: Path) -> dict[str, Path]:
    """The images' files by reference."""
    words = [sys.executable, str(HERE / "images" / "build.py"), "--out", str(directory)]
    built = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    rows = [line.split("\t") for line in built.stdout.splitlines()]
    return {reference: Path(path) for reference, _, path in rows}


class User:
    """Somebody with a folder of settings and the `ozwald` command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ozwald = Path(sys.executable).with_name("ozwald")

    def settle(self, lab: Lab) -> None:
        """Writes the files that a user would write: settings, inventory, ssh_config and `.env`."""
        (self.folder / "inventory").mkdir(parents=True)
        shutil.copy(HERE / "settings.yml", self.folder)
        lab.write_inventory(self.folder / "inventory" / "hosts.yml")
        (self.folder / "ssh_config").write_text(f'UserKnownHostsFile "{self.folder / "known_hosts"}"\n')
        environment = {
            "OZWALD_HOME": self.folder / "state",
            "OZWALD_SSH_CONFIG": self.folder / "ssh_config",
            "OZWALD_SYSTEM_KEY": secrets.token_urlsafe(32),
            "OZWALD_FOOTPRINT_DATA": "footprints.yml",
        }
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))

    def types(self, *words: str) -> None:
        """Shows a command and runs it; ends the demo when it fails."""
        print(f"\n$ ozwald {shlex.join(words)}", flush=True)
        subprocess.run([self.ozwald, *words], cwd=self.folder, env=environment(), check=True)

    def runs(self, *words: str) -> None:
        """Runs a command, whatever comes of it; only its errors are shown."""
        subprocess.run(
            [self.ozwald, *words], cwd=self.folder, env=environment(), stdout=subprocess.DEVNULL, check=False
        )


def hand_over(paths: list[Path]) -> None:
    """Gives the user's files to whoever called sudo, so that the commands can be tried without it."""
    if "SUDO_UID" not in os.environ:
        return
    owner, group = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    for path in paths:
        for place in (path, *(path.rglob("*") if path.name == "user" else ())):
            os.chown(place, owner, group, follow_symlinks=False)


def environment() -> dict[str, str]:
    """This process's environment without settings of the user's own Ozwald."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OZWALD_")}


def walk(user: User, lab: Lab) -> None:
    """The user's way, from a settings file to an answer of the model."""
    say("The settings are read, and the hosts' keys are recorded after a look at them")
    user.types("validate")
    user.types("trust", "all", "--yes")
    say("What is there?")
    user.types("show_host_resources")
    say("What would happen?")
    user.types("plan", *WANTED)
    say("Let it happen, on all hosts at once")
    user.types("apply", *WANTED)
    user.types("list_active_services")
    say("A chat with the model on gpu1 (its weights are random, so are its words)")
    ask(lab.hosts["gpu1"].address)
    user.types("get_service_logs", "--last", "3", "chat")
    say("The same again: nothing to do")
    user.types("apply", *WANTED)
    say("Another profile: one container is replaced, the others stay")
    user.types("apply", *CHANGED)
    ask(lab.hosts["gpu1"].address)


def ask(address: str) -> None:
    """Sends one chat request and shows the answer."""
    url = f"http://{address}:8080/v1/chat/completions"
    print(f"\n$ curl {url} -H 'Content-Type: application/json' -d '{json.dumps(QUESTION)}'")
    request = urllib.request.Request(
        url, data=json.dumps(QUESTION).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        document = json.load(answer)
    text = document["choices"][0]["message"]["content"]
    if not text.strip():
        raise SystemExit("demo: the model's answer is empty")
    print(json.dumps(document["choices"][0]["message"]))


def what_next(user: User, lab: Lab) -> str:
    """What can be tried on the fleet that stays up."""
    return f"""
Everything is still up. Try:

    cd {shlex.quote(str(user.folder))}
    alias ozwald={shlex.quote(str(user.ozwald))}
    ozwald list_active_services
    ozwald run all -- uname -a
    ozwald apply 'chat[llm][nvidia][short-context]'   # and nothing else: the other two are stopped
    ozwald get_service_launch_logs chat
    ozwald footprint_services 'llm[short-context]' --run-time 5   # what does it really take?
    ozwald start_provisioner   # keeps what runs running, and serves the HTTP API
    ozwald status
    curl http://{lab.hosts["gpu1"].address}:8080/v1/models

Take it down with ./dev demo-down"""


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
