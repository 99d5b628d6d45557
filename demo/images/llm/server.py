"""Serves the model in MODEL_PATH as llama.cpp's OpenAI-compatible HTTP server, set up by the environment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

REQUESTS_AT_ONCE = 4
# The model never ends a sentence by itself: this bounds a request without max_tokens.
LONGEST_ANSWER = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment asks for; `context` is in tokens."""

    model_path: str
    model_name: str
    context: int
    threads: int
    port: int


class SettingError(Exception):
    """A variable of the environment has a value that cannot be used."""


def read_settings(environment: Mapping[str, str], *, cpus: int) -> Settings:
    """Reads the variables; an empty one counts as not set. Raises SettingError that names the variable."""
    return Settings(
        model_path=environment.get("MODEL_PATH") or "/app/model.gguf",
        model_name=environment.get("MODEL_NAME") or "ozwald-demo",
        context=whole_number(environment, "MAX_MODEL_LEN", default=4096, lowest=256, highest=131072),
        threads=whole_number(environment, "N_THREADS", default=min(cpus, 2), lowest=1, highest=256),
        port=whole_number(environment, "PORT", default=8080, lowest=1, highest=65535),
    )


def whole_number(environment: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise SettingError(f"{name} must be a whole number from {lowest} to {highest}, not {text!r}")
    return int(text)


def main() -> int:
    try:
        settings = read_settings(os.environ, cpus=len(os.sched_getaffinity(0)))
    except SettingError as error:
        print(f"server: {error}", file=sys.stderr)
        return 2
    # Blocked before the first thread starts, so that the signal waits for sigwait in every one of them.
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    say(f"loading {settings.model_name}: context {settings.context}, threads {settings.threads}")
    try:
        server = start(settings)
    except RuntimeError as error:
        print(f"server: cannot serve {settings.model_path} on port {settings.port}: {error}", file=sys.stderr)
        return 1
    say(f"serving {settings.model_name} on {server.listening_address}")
    say(f"stopping on {signal.Signals(signal.sigwait(stops)).name}")
    # An orderly end would wait for open requests.
    os._exit(0)


def start(settings: Settings) -> Any:
    """Starts llama.cpp's server; /health answers 503 at first and 200 once it has loaded."""
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = settings.model_path
    params.model_alias = {settings.model_name}
    params.n_ctx = settings.context
    params.n_parallel = REQUESTS_AT_ONCE
    params.kv_unified = True
    params.n_predict = LONGEST_ANSWER
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.hostnames = ["0.0.0.0"]
    params.port = settings.port
    params.endpoint_metrics = True
    params.fit_params = False
    return xllamacpp.Server(params)


def say(text: str) -> None:
    print(f"server: {text}", flush=True)


if __name__ == "__main__":
    # -I leaves this file's folder out of the path.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main())
