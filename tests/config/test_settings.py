"""Realms, definitions, names and what they say about each other."""

from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import SettingsError
from ozwald.model.realm import Network
from ozwald.model.resources import Hardware
from tests.config.conftest import Load, Refuse


def realm(body: str) -> str:
    return "realms:\n  r:\n" + "\n".join(f"    {line}" for line in body.split("\n")) + "\n"


def test_definitions_and_profiles_may_be_maps_or_lists(load: Load) -> None:
    as_map = load(realm("service_definitions:\n  s: {image: i, profiles: {p: {user: a}}}")).realms["r"]
    as_list = load(realm("service-definitions:\n- {name: s, image: i, profiles: [{name: p, user: a}]}")).realms["r"]
    assert as_map.definitions["s"].base.values == as_list.definitions["s"].base.values == {"image": "i"}
    assert as_list.definitions["s"].profiles["p"].layer.values == {"user": "a"}
    assert as_map.definitions["s"].profiles["p"].layer.values == {"user": "a"}


def test_a_null_body_is_an_empty_body(load: Load) -> None:
    settings = load("hosts:\nprovisioners:\nrealms:\n  a:\n  b:\n    networks:\n    service-definitions:\n      s:\n")
    assert settings.realms["a"].definitions == {}
    assert settings.realms["b"].definitions["s"].base.values == {}
    assert ["no image yet" in str(warning) for warning in settings.warnings] == [True]


def test_a_variety_of_any_name_says_its_hardware(load: Load) -> None:
    definition = (
        load(realm("service-definitions:\n  s: {varieties: {big: {hardware: nvidia, image: i}, cpu-only: }}"))
        .realms["r"]
        .definitions["s"]
    )
    assert {name: variety.hardware for name, variety in definition.varieties.items()} == {
        "big": Hardware.NVIDIA,
        "cpu-only": Hardware.CPU_ONLY,
    }


def test_an_image_in_any_layer_is_enough_and_data_needs_none(load: Load) -> None:
    settings = load(
        realm(
            "service-definitions:\n"
            "  a: {varieties: {nvidia: {image: i}, amdgpu: }}\n"
            "  b: {profiles: {p: {image: i}}}\n"
            "  c: {type: source-files, properties: {path: /x}}\n"
        )
    )
    assert settings.warnings == ()
    assert settings.realms["r"].definitions["c"].type == "source-files"


def test_networks_take_composes_words(load: Load) -> None:
    text = "networks:\n  back: {internal: true, driver: bridge}\n  lan: {external: true}\n"
    text += "  wan: {external: true, name: eth}"
    assert load(realm(text)).realms["r"].networks == {
        "default": Network(key="default"),
        "back": Network(key="back", internal=True, driver="bridge"),
        "lan": Network(key="lan", external=True, name="lan"),
        "wan": Network(key="wan", external=True, name="eth"),
    }


def test_networks_may_be_a_list(load: Load) -> None:
    networks = load(realm("networks:\n- back\n- {name: front, internal: true}")).realms["r"].networks
    assert networks["back"] == Network(key="back")
    assert networks["front"] == Network(key="front", internal=True)


def test_extension_keys_are_free_and_anchors_work(load: Load) -> None:
    settings = load(
        "x-common: &common\n  restart: always\n"
        + realm("x-note: 1\nservice-definitions:\n  s:\n    <<: *common\n    image: i\n    x-y: [1]")
    )
    assert settings.realms["r"].definitions["s"].base.values == {"restart": "always", "image": "i"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "settings.yml: is empty"),
        ("# only\n", "settings.yml: is empty"),
        ("---\n", "settings.yml: is empty"),
        ("- a", "settings.yml:1:1: must be a map, not a list"),
        ("relams: {}", "settings.yml:1:1: the key 'relams' is not known; did you mean 'realms'?"),
        (
            realm("service-definitions:\n  s: {image: i, networks: [bak]}\nnetworks: [back]"),
            "settings.yml:4:32: realms.r.service-definitions.s.networks: the realm has no such network;"
            " did you mean 'back'?",
        ),
        (
            realm("service-definitions:\n- {name: s, image: i}\n- {name: s, image: i}"),
            "settings.yml:5:14: realms.r.service-definitions[1].name: the name stands twice;"
            " first at settings.yml:4:14",
        ),
        (
            realm("service-definitions:\n  s: {image: i, depends_on: [t]}\n  t: {image: i, depends_on: [s]}"),
            "settings.yml:4:34: realms.r.service-definitions.s.depends_on:"
            " the dependencies run in a circle: s -> t -> s",
        ),
        (
            realm("service-definitions:\n  s: {image: i, depends_on: [s]}"),
            "settings.yml:4:34: realms.r.service-definitions.s.depends_on: the dependencies run in a circle: s -> s",
        ),
        (
            realm("service-definitions:\n  s: {image: i, varieties: {big: {}}}"),
            "settings.yml:4:33: realms.r.service-definitions.s.varieties.big:"
            " a variety with a name of its own needs 'hardware': nvidia, amdgpu, cpu-only",
        ),
        (
            "services: {a: {image: i}}",
            "settings.yml:1:1: 'services' is a key of Compose that Ozwald does not have:"
            " put them into a realm: 'realms: {default: {service-definitions: …}}'",
        ),
        (
            realm("services: {a: {image: i}}"),
            "settings.yml:3:5: realms.r: 'services' is a key of Compose that Ozwald does not have:"
            " they are called 'service-definitions' here",
        ),
        (
            realm("networks: {n: {ipam: {}}}"),
            "settings.yml:3:20: realms.r.networks.n: 'ipam' is a key of Compose that Ozwald does not have:"
            " make the network on the hosts yourself, and name it with 'external: true'",
        ),
        (
            realm("service-definitions:\n- {image: i}"),
            "settings.yml:4:7: realms.r.service-definitions[0]: the key 'name' is missing",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(refuse: Refuse, text: str, problem: str) -> None:
    assert problem in [str(found) for found in refuse(text)]


@pytest.mark.parametrize("name", ["-a", ".a", "a--b", "a b", "a/b", "ä", "a" * 64, '"a\\n"', "''"])
def test_a_bad_name_is_refused_everywhere(refuse: Refuse, name: str) -> None:
    for text in (
        f"hosts: {{{name}: {{}}}}",
        f"hosts: [{{name: {name}}}]",
        f"groups: {{{name}: {{}}}}",
        f"realms: {{{name}: {{}}}}",
        realm(f"networks: {{{name}: {{}}}}"),
        realm(f"networks: [{name}]"),
        realm(f"service-definitions: {{{name}: {{}}}}"),
        realm(f"service-definitions: {{s: {{varieties: {{{name}: {{}}}}}}}}"),
        realm(f"service-definitions: {{s: {{profiles: [{{name: {name}}}]}}}}"),
    ):
        assert any("a name has letters" in problem.message for problem in refuse(text)), text


@pytest.mark.parametrize("name", ["a", "7b", "qwen1.5-vllm", "a" * 63, "A_b.c-d"])
def test_a_good_name_is_taken(load: Load, name: str) -> None:
    assert name in load(f"hosts: {{{name}: {{}}}}").inventory.hosts


def test_an_unknown_dependency_is_a_warning(load: Load) -> None:
    warnings = load(realm("service-definitions:\n  s: {image: i, depends_on: [redi]}\n  redis: {image: i}")).warnings
    assert [str(warning) for warning in warnings] == [
        "settings.yml:4:34: realms.r.service-definitions.s.depends_on:"
        " no definition of the realm has this name; an instance must have it by the time this starts;"
        " did you mean 'redis'?"
    ]


def test_dependencies_that_a_profile_replaces_make_no_circle(load: Load) -> None:
    text = "service-definitions:\n  s: {image: i, profiles: {p: {depends_on: [t]}}}\n"
    text += "  t: {image: i, depends_on: [s]}"
    settings = load(realm(text))
    assert "circle" in str(settings.warnings[0])


def test_all_problems_come_at_once_in_the_order_of_the_file(refuse: Refuse) -> None:
    problems = refuse(
        "hosts:\n  a: {port: x}\n  a: {}\n"
        + realm("service-definitions:\n  s: {imge: i, networks: [n], shm_size: x}\n  t: {image: '${5}'}")
    )
    assert [problem.line for problem in problems] == [2, 3, 7, 7, 7, 8]


def test_a_value_is_never_shown() -> None:
    wrong = Path(__file__).parent / "wrong-everywhere.yml"
    with pytest.raises(SettingsError) as caught:
        load_settings(wrong, inventory=None, environ={}, cwd=wrong.parent)
    lines = {problem.line for problem in caught.value.problems if problem.file == wrong.name}
    assert lines >= {n for n, line in enumerate(wrong.read_text().splitlines(), 1) if "hunter2" in line}
    assert "hunter2" not in str(caught.value)


def test_the_settings_file_is_found_by_argument_then_variable_then_name(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml", "settings.yml", "ozwald.yml"):
        (tmp_path / name).write_text(f"hosts: {{{name}: {{}}}}")

    def found(path: Path | None, **environ: str) -> str:
        settings = load_settings(path, inventory=None, environ=environ, cwd=tmp_path)
        assert settings.path == str(tmp_path / next(iter(settings.inventory.hosts)))
        return next(iter(settings.inventory.hosts))

    assert found(Path("a.yml"), OZWALD_CONFIG="b.yml") == "a.yml"
    assert found(None, OZWALD_CONFIG="b.yml") == "b.yml"
    assert found(None) == "settings.yml"
    (tmp_path / "settings.yml").unlink()
    assert found(None) == "ozwald.yml"
    (tmp_path / ".env").write_text("OZWALD_CONFIG=b.yml")
    assert found(None) == "b.yml"


def test_no_settings_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name the settings file with --config or OZWALD_CONFIG"):
        load_settings(None, inventory=None, environ={}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("requires", "varieties"),
    [
        ("{gpus: 1}", ["nvidia", "amdgpu"]),
        ("{gpus: all}", ["nvidia", "amdgpu"]),
        ("{vram: 8g}", ["nvidia", "amdgpu"]),
        ("{gpus: 0, memory: 8g}", []),
    ],
)
def test_a_service_without_varieties_runs_on_cards_when_it_requires_them(
    load: Load, requires: str, varieties: list[str]
) -> None:
    text = f"realms:\n  r:\n    service-definitions:\n      s: {{image: i, requires: {requires}}}\n"
    assert list(load(text).realms["r"].definitions["s"].varieties) == varieties
