"""Specs of instances: `[REALM:]NAME[service][variety][profile]@HOSTS`, in either order of the last two words."""

from collections.abc import Mapping
from typing import Any

import pytest

from ozwald.errors import RequestError
from ozwald.model.realm import Realm
from ozwald.planning.names import check_name, complete_request, parse_instance, parse_key, split_specs
from tests.builders import definition, key, realms, request

LLM = definition(
    "llm",
    varieties={"nvidia": {}, "cpu-only": {}, "both": {}, "also-both": {}},
    profiles={"fast": {}, "small": {}, "both": {}, "also-both": {}},
)
REALMS = realms(LLM, definition("web"), definition("files", type="source-files"), definition("web", realm="lab"))
ONLY_LAB = realms(definition("web", realm="lab"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("llm", {}),
        (" llm ", {}),
        ("chat[llm]", {"name": "chat"}),
        ("llm[]", {}),
        ("chat[llm][nvidia]", {"name": "chat", "variety": "nvidia"}),
        ("chat[llm][fast]", {"name": "chat", "profile": "fast"}),
        ("chat[llm][nvidia][fast]", {"name": "chat", "variety": "nvidia", "profile": "fast"}),
        ("chat[llm][fast][nvidia]", {"name": "chat", "variety": "nvidia", "profile": "fast"}),
        ("chat[llm][ fast ][ nvidia ]", {"name": "chat", "variety": "nvidia", "profile": "fast"}),
        ("llm[][nvidia][fast]", {"variety": "nvidia", "profile": "fast"}),
        ("llm[][][fast]", {"profile": "fast"}),
        ("llm[][fast][]", {"profile": "fast"}),
        ("llm[][nvidia][]", {"variety": "nvidia"}),
        ("llm[][][nvidia]", {"variety": "nvidia"}),
        ("llm[][][]", {}),
        ("llm[][both][]", {"variety": "both"}),
        ("llm[][][both]", {"profile": "both"}),
        ("llm[][both][fast]", {"variety": "both", "profile": "fast"}),
        ("llm[][fast][both]", {"variety": "both", "profile": "fast"}),
        ("llm[][both][nvidia]", {"variety": "nvidia", "profile": "both"}),
        ("llm[][nvidia][both]", {"variety": "nvidia", "profile": "both"}),
        ("llm[][both][both]", {"variety": "both", "profile": "both"}),
        ("llm[][both][also-both]", {"variety": "both", "profile": "also-both"}),
        ("llm[][also-both][both]", {"variety": "also-both", "profile": "both"}),
        ("default:llm", {}),
        ("lab:web", {"realm": "lab", "name": "web", "service": "web"}),
        ("lab:site[web]", {"realm": "lab", "name": "site", "service": "web"}),
        ("llm@box1", {"host": "box1"}),
        ("llm@gpu:!gpu3", {"host": "gpu:!gpu3"}),
        ("llm@gpu[0]", {"host": "gpu[0]"}),
        ("lab:site[web]@~rack-[ab]", {"realm": "lab", "name": "site", "service": "web", "host": "~rack-[ab]"}),
        ("chat[llm][fast]@a:&b", {"name": "chat", "profile": "fast", "host": "a:&b"}),
    ],
)
def test_a_spec_is_read(text: str, meant: Mapping[str, Any]) -> None:
    assert parse_instance(text, REALMS) == request(**{"name": "llm", "service": "llm"} | dict(meant))


def test_without_a_realm_the_only_one_is_meant() -> None:
    assert parse_instance("web", ONLY_LAB).realm == "lab"


def test_with_several_realms_and_no_default_the_realm_must_be_said() -> None:
    several = realms(definition("web", realm="lab"), definition("web", realm="home"))

    with pytest.raises(RequestError, match="say which realm: REALM:NAME, with one of home, lab"):
        parse_instance("web", several)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the form is"),
        ("[llm]", "the form is"),
        ("@box1", "the form is"),
        ("llm[", "the form is"),
        ("llm]", "the form is"),
        ("llm[a[b]]", "the form is"),
        ("llm[nvidia]x", "the form is"),
        ("llm@", "the form is"),
        ("a:b:c", "the form is"),
        ("llm[llm][nvidia][fast][]", "too many brackets"),
        ("-x[llm]", "instance name '-x' must be"),
        ("a--b[llm]", "instance name 'a--b' must be"),
        ("a b[llm]", "instance name 'a b' must be"),
        ("é[llm]", "instance name 'é' must be"),
        (f"{'x' * 64}[llm]", "must be 1 to 63 letters"),
        ("lam", "did you mean 'llm'?"),
        ("chat", "an instance with a name of its own is written chat[SERVICE]"),
        ("chat[lllm]", "no service 'lllm' in realm 'default'; did you mean 'llm'?"),
        ("chat[zzz]", "known: files, llm, web"),
        ("labs:web", "no realm 'labs'; did you mean 'lab'?"),
        (":web", "no realm ''"),
        ("files", "declared as 'source-files'; only containers can be started"),
        ("llm[][nvidai]", "did you mean 'nvidia'?"),
        ("llm[][zzz]", "no variety or profile 'zzz' in service 'llm'; known: also-both"),
        ("llm[][nvidia][cpu-only]", "names two varieties; give one variety and one profile"),
        ("llm[][fast][small]", "names two profiles; give one variety and one profile"),
        ("llm[][both]", "'both' is both a variety and a profile of 'llm'; write [both][] for the variety"),
        ("web[][x]", "no variety or profile 'x' in service 'web'; there are none"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_is_known(text: str, told: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse_instance(text, REALMS)

    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "specs"),
    [
        ([], []),
        (["a", "b"], ["a", "b"]),
        (["a b"], ["a", "b"]),
        (["a,b"], ["a", "b"]),
        (["a, b ,c", " d\n"], ["a", "b", "c", "d"]),
        ([",", "", " "], []),
        (["a[s][x][y],b[s]@c:d"], ["a[s][x][y]", "b[s]@c:d"]),
        (["a[s][ x ] b"], ["a[s][ x ]", "b"]),
        (["a[s, t] b[u]"], ["a[s, t]", "b[u]"]),
    ],
)
def test_specs_are_split_at_spaces_and_commas_outside_brackets(arguments: list[str], specs: list[str]) -> None:
    assert split_specs(arguments) == specs


def test_a_key_is_read_whether_or_not_its_service_is_still_defined() -> None:
    assert parse_key("lab:gone[whatever]@box1", REALMS) == key("gone", "lab")


@pytest.mark.parametrize("name", ["../../x", "x" * 400, "a--b", "é"])
def test_a_key_has_to_be_a_name(name: str) -> None:
    with pytest.raises(RequestError, match="must be 1 to 63 letters"):
        parse_key(name, REALMS)


@pytest.mark.parametrize("name", ["a", "9", "qwen1.5-vllm", "A_b.c-d", "x" * 63])
def test_a_good_name_is_accepted(name: str) -> None:
    check_name("instance", name)


@pytest.mark.parametrize("name", ["", ".a", "_a", "-a", "a--b", "a/b", "a\n", "x" * 64, "ä"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="start with a letter or digit"):
        check_name("instance", name)


def test_what_a_request_in_parts_leaves_out_is_filled_in() -> None:
    assert complete_request(REALMS, name="llm", variety="nvidia") == request("llm", variety="nvidia")


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"name": "chat"}, "no service 'chat'"),
        ({"name": "llm", "variety": "fast"}, "no variety 'fast' in service 'llm'"),
        ({"name": "llm", "profile": "nvidia"}, "no profile 'nvidia' in service 'llm'"),
        ({"name": "llm", "realm": "nowhere"}, "no realm 'nowhere'"),
        ({"name": "a--b", "service": "llm"}, "instance name 'a--b' must be"),
    ],
)
def test_a_request_in_parts_names_only_what_is_known(parts: dict[str, str], told: str) -> None:
    with pytest.raises(RequestError) as refused:
        complete_request(REALMS, **parts)

    assert told in str(refused.value)


def test_no_realms_at_all_is_told() -> None:
    nothing: dict[str, Realm] = {}

    with pytest.raises(RequestError, match="none defined"):
        parse_instance("web", nothing)
