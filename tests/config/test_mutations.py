"""However a file is damaged, it loads or is refused with SettingsError, soon, and nothing runs.

OZWALD_SOAK sets the number of mutations.
"""

import os
import random
import time
from pathlib import Path

import pytest
import yaml

from ozwald.config.load import load_settings
from ozwald.errors import SettingsError
from tests.config.mutations import damaged, reshaped

HERE = Path(__file__).parent
MUTATIONS = int(os.environ.get("OZWALD_SOAK") or 2_000)
LIMIT_S = 0.25

SETTINGS = [HERE / "spec-example.yml", HERE / "rich.yml", HERE / "wrong-everywhere.yml"]
INVENTORIES = [path for path in sorted((HERE / "ansible_corpus").iterdir()) if path.is_file()]


def check(what: str, folder: Path, *, inventory: Path | None = None) -> None:
    """Load what is in the folder; anything but settings or SettingsError within the time is a failure."""
    environ = {"A": "a", "HOME": "/home/x"}
    began = time.process_time()
    try:
        load_settings(None, inventory=inventory, environ=environ, cwd=folder)
    except SettingsError:
        pass
    except Exception as err:
        raise AssertionError(f"{what} ended in {type(err).__name__}") from err
    taken = time.process_time() - began
    assert taken < LIMIT_S, f"{what} took {taken:.2f} s"


def damaged_bytes(seed: Path, number: int) -> bytes:
    chance = random.Random(number)
    content = damaged(seed.read_text(), chance).encode("utf-8", "surrogatepass")
    if number % 7 == 0 and content:
        at = chance.randrange(len(content))
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    return content


@pytest.mark.parametrize("part", range(4))
def test_damaged_settings_load_or_are_refused(part: int, tmp_path: Path) -> None:
    for number in range(part, MUTATIONS // 2, 4):
        seed = SETTINGS[number % len(SETTINGS)]
        (tmp_path / "settings.yml").write_bytes(damaged_bytes(seed, number))
        check(f"mutation {number} of {seed.name}", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_damaged_inventories_load_or_are_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("realms:")
    for number in range(MUTATIONS // 4):
        seed = INVENTORIES[number % len(INVENTORIES)]
        inventory = tmp_path / seed.name
        inventory.write_bytes(damaged_bytes(seed, number))
        check(f"mutation {number} of {seed.name}", tmp_path, inventory=inventory)
    assert not (tmp_path / "ran").exists()


def test_wrong_shapes_load_or_are_refused(tmp_path: Path) -> None:
    seeds = [yaml.safe_load(path.read_text()) for path in SETTINGS[:2]]
    for number in range(MUTATIONS // 4):
        chance = random.Random(number)
        text = yaml.safe_dump(reshaped(chance.choice(seeds), chance), default_flow_style=None)
        (tmp_path / "settings.yml").write_text(text)
        check(f"shape {number}", tmp_path)


def test_the_undamaged_seed_loads() -> None:
    settings = load_settings(HERE / "rich.yml", inventory=None, environ={"HOME": "/"}, cwd=HERE)
    definition = settings.realms["default"].definitions["qwen"]
    assert definition.varieties.keys() == {"big", "amdgpu", "cpu-only"}
