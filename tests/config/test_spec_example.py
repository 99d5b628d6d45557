"""The example of the specification, as it stands."""

from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.model.host import Connection
from ozwald.model.resources import Hardware
from ozwald.model.settings import Settings

EXAMPLE = Path(__file__).parent / "spec-example.yml"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(EXAMPLE, inventory=None, environ={}, cwd=EXAMPLE.parent)


def test_the_example_loads_without_a_warning(settings: Settings) -> None:
    assert settings.warnings == ()


def test_a_loopback_host_without_ssh_words_is_local(settings: Settings) -> None:
    host = settings.inventory.hosts["localhost"]
    assert (host.address, host.connection) == ("127.0.0.1", Connection.LOCAL)


def test_the_examples_cache_host_means_the_embedded_redis(settings: Settings) -> None:
    provisioner = settings.inventory.provisioners["local"]
    assert provisioner.host == "localhost"
    assert (provisioner.cache.address, provisioner.cache.port, provisioner.cache.db) == (None, 6379, 0)


def test_varieties_and_profiles_carry_their_layers_as_written(settings: Settings) -> None:
    definition = settings.realms["default"].definitions["qwen1.5-vllm"]
    assert definition.base.values == {"environment": {"MODEL_NAME": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"}}
    assert {name: variety.hardware for name, variety in definition.varieties.items()} == {
        "nvidia": Hardware.NVIDIA,
        "amdgpu": Hardware.AMDGPU,
        "cpu-only": Hardware.CPU_ONLY,
    }
    assert definition.varieties["cpu-only"].layer.values == {
        "image": "openai-api-vllm.cpu-only",
        "environment": {"GPU": "false"},
    }
    assert definition.profiles["no-gpu"].layer.values == {"environment": {"MAX_MODEL_LEN": "45000"}}
    assert definition.profiles["fast-gpu"].layer.values == {
        "environment": {"GPU_MEMORY_UTILIZATION": "0.9", "CPU_OFFLOAD_GB": ""}
    }


def test_every_value_knows_where_it_was_written(settings: Settings) -> None:
    origins = settings.realms["default"].definitions["qwen1.5-vllm"].profiles["fast-gpu"].layer.origins
    assert str(origins["environment", "CPU_OFFLOAD_GB"]) == "spec-example.yml:44:15"
