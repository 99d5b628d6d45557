"""What went wrong with a call to an engine, as errors of ours that say what may be done about it."""

from collections.abc import Iterator
from typing import Final

import docker.errors
import requests
import urllib3.exceptions

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError
from ozwald.remote.engine import NameTaken
from ozwald.remote.pipes import LinkLostError
from ozwald.remote.text import clean

# The last four are what reading an answer of another shape than documented ends in.
BROKEN_ANSWERS: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    docker.errors.DockerException,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RecursionError,
    TypeError,
    AttributeError,
)
TEMPORARY: Final = frozenset({429, 502, 503})
HOPELESS_PULLS: Final = ("not found", "denied", "unauthorized", "unknown", "invalid")


def answered(host: str, what: str, err: docker.errors.APIError) -> EngineError:
    """The engine said no."""
    return EngineError(
        host,
        f"{what}: Docker answered {err.status_code}: {clean(str(err.explanation or err))}",
        failure=Failure.RETRYABLE if err.status_code in TEMPORARY else Failure.TERMINAL,
        status=err.status_code,
    )


def unanswered(host: str, what: str, err: Exception, *, failure: Failure, timeout_s: float) -> HostError:
    """The engine said nothing, or nothing that makes sense."""
    lost = next((cause for cause in _causes(err) if isinstance(cause, LinkLostError)), None)
    if lost is not None:
        return ConnectionFailed(host, f"{what}: {clean(str(lost))}", failure=failure)
    timed_out = isinstance(err, TimeoutError | requests.Timeout) or "timed out" in str(err).lower()
    came = f"no answer within {timeout_s:g} s" if timed_out else f"the answer broke off ({clean(str(err))})"
    return EngineError(host, f"{what}: {came}", failure=failure)


def name_taken(host: str, name: str, err: docker.errors.APIError) -> Exception:
    """NameTaken where that is what the engine says; anything else comes back as it is."""
    if err.status_code == 409 and "already in use" in str(err.explanation):
        return NameTaken(host, f"the container name {name} is taken")
    return err


def no_image(host: str, image: str) -> EngineError:
    message = f"no such image {image} on {host}: build or pull it there, or set pull_policy"
    return EngineError(host, message, failure=Failure.TERMINAL, status=404)


def pull_failed(host: str, reference: str, said: str) -> EngineError:
    hopeless = any(word in said.lower() for word in HOPELESS_PULLS)
    failure = Failure.TERMINAL if hopeless else Failure.RETRYABLE
    return EngineError(host, f"pulling image {reference}: {clean(said)}", failure=failure)


def not_text(host: str, name: str) -> EngineError:
    """JSON is UTF-8, and the engine would put a replacement character where a byte was."""
    message = (
        f"creating container {name}: a value is not UTF-8 text, which Docker's API cannot carry; "
        "encode it, or hand it over in a file"
    )
    return EngineError(host, message, failure=Failure.TERMINAL)


def too_old(host: str, version: str) -> EngineError:
    message = f"its Docker Engine speaks API {version} only: Docker 19.03 or newer is needed"
    return EngineError(host, message, failure=Failure.TERMINAL)


def _causes(err: BaseException) -> Iterator[BaseException]:
    """An error with what it was raised from: requests and urllib3 wrap what a pipe raises."""
    cause: BaseException | None = err
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
