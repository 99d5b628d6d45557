"""No shell ever sees a value: whatever the settings say arrives byte for byte."""

import json

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

HOSTILE = {
    "QUOTES": "a'b\"c",
    "SUBSTITUTION": "$(touch /tmp/pwned) `id` $HOME",
    "NEWLINES": "one\ntwo\r\n\n three ",
    "BACKSLASHES": "\\ \\n \\\\",
    "UNICODE": "grüße 日本語 \u200b",
    "OPTION": "--privileged",
    "SEMICOLON": "; rm -rf / && true | cat > /dev/null",
    "GLOB": "* ? [a-z] {a,b} ~",
    "EMPTY": "",
    "TABS": "\t \t",
    "BINARY": "".join(map(chr, range(1, 256))),
}


def test_environment_and_arguments_arrive_byte_for_byte(user: User, clean_hosts: Lab) -> None:
    service = {
        "image": "lab/quick:1",
        "environment": {name: value.replace("$", "$$") for name, value in HOSTILE.items()},
        "command": ["sh", "-c", 'cat /proc/self/environ; printf "%s\\0" "$$@"; echo; exec sleep 3600', "sh"]
        + [value.replace("$", "$$") for value in HOSTILE.values()],
    }
    user.has({"echo": service}, hosts=["box1"])

    ran = user.types("apply", "echo")

    engine = clean_hosts.hosts["box1"].engine
    assert ran.code == 0, ran.err
    written = user.types("get_service_logs", "echo").out
    for name, value in HOSTILE.items():
        assert f"{name}={value}\0" in written, name
        assert f"\0{value}\0" in written, name
    inspected = engine.call("GET", "/containers/ozsvc--default--echo/json")
    assert json.dumps(inspected["Config"]["Env"]).count("pwned") == 1


@pytest.mark.parametrize("text", ["a'b\"c $(id) `id`", "--help", "one\ntwo", "; exit 3", "*"])
def test_words_of_a_command_reach_it_as_they_are(user: User, text: str) -> None:
    user.has({}, hosts=["box1"])

    ran = user.types("run", "box1", "-o", "json", "--", "printf", "%s", text)

    assert ran.document[0]["stdout"] == text


def test_control_sequences_from_a_host_do_not_reach_the_terminal(user: User) -> None:
    user.has({}, hosts=["box1"])

    ran = user.types("run", "box1", "--shell", r"printf '\033]0;owned\007\033[2J'")

    assert "\x1b" not in ran.out
    assert "\\x1b" in ran.out
