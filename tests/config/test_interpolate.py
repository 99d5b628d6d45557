"""Variables in values follow Compose."""

import re

import pytest

from ozwald.config.interpolate import Template, TemplateError
from tests.config.conftest import Load, Refuse

VARIABLES = {"SET": "value", "EMPTY": "", "OTHER": "o"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b$OTHER-", "avaluebo-"),
        ('${SET:-{"a": {"b": 1}}}|${GONE:-[{"a": 1}, {}]}', 'value|[{"a": 1}, {}]'),
        ("${GONE:-a{b}|${SET:-a{b}", "a{b|value"),
        ("5$ $5 $(x) $-", "5$ $5 $(x) $-"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$SET", "$value"),
        ("${SET:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${UNSET:-d}", "d"),
        ("${UNSET-d}", "d"),
        ("${UNSET:-}", ""),
        ("${SET:+alt}", "alt"),
        ("${EMPTY:+alt}", ""),
        ("${EMPTY+alt}", "alt"),
        ("${UNSET+alt}", ""),
        ("${SET:?why}", "value"),
        ("${EMPTY?why}", ""),
        ("${UNSET:-${OTHER}}", "o"),
        ("${UNSET:-${GONE:-x${SET}}y}", "xvaluey"),
        ("${UNSET:-a $$ b}", "a $ b"),
        ("${SET:-${NEEDED:?never looked at}}", "value"),
        ("}", "}"),
        ("{x}", "{x}"),
    ],
)
def test_templates_expand(text: str, expected: str) -> None:
    assert Template(text, VARIABLES).expand() == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${UNSET:?put it in .env}", "the variable UNSET must be set: put it in .env"),
        ("${EMPTY:?}", "the variable EMPTY must be set"),
        ("${UNSET?}", "the variable UNSET must be set"),
        ("${5}", "starts no variable"),
        ("a${ b}", "starts no variable"),
        ("${", "starts no variable"),
        ("${SET", "without its '}'"),
        ("${SET:-x", "without its '}'"),
        ("${SET!}", "starts no variable"),
        ("${A:-" * 40 + "}" * 40, "nested deeper"),
    ],
)
def test_bad_templates_say_why(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(sentence)):
        Template(text, VARIABLES).expand()


def test_a_long_chain_of_openings_costs_no_time() -> None:
    with pytest.raises(TemplateError):
        Template("${A:-" * 100_000, {}).expand()


def test_an_expanded_value_has_the_type_that_is_wanted(load: Load) -> None:
    settings = load(
        "hosts:\n  a: {port: '${P:-6379}'}\n  b:\n    port: ${Q:-22}\n    user: ${U:-1000}\n",
        environ={"P": "2222"},
    )
    hosts = settings.inventory.hosts
    assert (hosts["a"].port, hosts["b"].port, hosts["b"].user) == (2222, 22, "1000")


def test_an_empty_or_null_looking_variable_is_text_and_removes_nothing(load: Load) -> None:
    settings = load(
        "realms: {r: {service-definitions: {s: {image: i, environment: {A: '${E}', B: $N}}}}}",
        environ={"E": "", "N": "null"},
    )
    layer = settings.realms["r"].definitions["s"].base
    assert layer.values["environment"] == {"A": "", "B": "null"}


def test_an_unset_variable_is_empty_with_one_warning(load: Load) -> None:
    settings = load("hosts:\n  a:\n    vars: {x: $GONE, y: '${GONE}'}\n")
    assert settings.inventory.hosts["a"].vars == {"x": "", "y": ""}
    assert [str(warning) for warning in settings.warnings] == [
        "settings.yml:3:15: hosts.a.vars.x: the variable GONE is not set; it counts as empty"
    ]


def test_keys_are_not_expanded(load: Load) -> None:
    settings = load("hosts:\n  a:\n    vars: {$X: 1}\n", environ={"X": "y"})
    assert settings.inventory.hosts["a"].vars == {"$X": 1}


def test_the_settings_folder_is_always_there(load: Load, tmp_path: object) -> None:
    settings = load("hosts: {a: {vars: {x: '${SETTINGS_FILE_DIR}/b'}}}")
    assert settings.inventory.hosts["a"].vars == {"x": f"{tmp_path}/b"}


def test_a_needed_variable_is_named_with_its_place(refuse: Refuse) -> None:
    problems = refuse("hosts:\n  a:\n    ip: ${IP:?set IP in .env}\n")
    assert [str(problem) for problem in problems] == [
        "settings.yml:3:9: hosts.a.ip: the variable IP must be set: set IP in .env"
    ]


def test_variables_cannot_fill_the_memory(refuse: Refuse) -> None:
    many = "".join(f"  a{number}: {{user: '{'$BIG' * 10}'}}\n" for number in range(50))
    problems = refuse(f"hosts:\n{many}", environ={"BIG": "x" * 10_000})
    assert str(problems[0]) == "settings.yml:43:15: hosts.a41.user: variables make more text than 4 MiB"


def test_a_value_cannot_be_longer_than_a_program_can_be_given(refuse: Refuse) -> None:
    problems = refuse("hosts: {a: {user: $BIG$BIG}}", environ={"BIG": "x" * 70_000})
    assert [str(problem) for problem in problems] == [
        "settings.yml:1:19: hosts.a.user: the text is longer than 131072 characters"
    ]


def test_what_is_nobodys_is_not_expanded(load: Load) -> None:
    assert load("x-a: '${GONE:?why}'\nhosts: {a: }").warnings == ()
