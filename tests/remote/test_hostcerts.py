import base64
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ozwald.errors import HostKeyError
from ozwald.remote.hostcerts import check_certificate, parse_certificate
from ozwald.remote.hostkeys import KnownKey, parse

Sign = Callable[..., bytes]


@pytest.fixture(params=["ed25519", "rsa", "ecdsa"])
def authority(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "ca"
    subprocess.run(["ssh-keygen", "-q", "-t", request.param, "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def sign(authority: Path, tmp_path: Path) -> Sign:
    def signed(*words: str, kind: str = "ed25519") -> bytes:
        key = tmp_path / f"host_{kind}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(key)], check=True)
        command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "box", *words, f"{key}.pub"]
        subprocess.run(command, check=True, capture_output=True)
        return base64.b64decode(Path(f"{key}-cert.pub").read_text().split()[1])

    return signed


def trusting(authority: Path, marker: str = "@cert-authority") -> list[KnownKey]:
    return parse(f"{marker} box1,*.example {authority.with_suffix('.pub').read_text()}")


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_of_a_trusted_authority_is_accepted(authority: Path, sign: Sign, kind: str) -> None:
    check_certificate("b", "box1", trusting(authority), sign("-h", "-n", "box0,box1", kind=kind))


@pytest.mark.parametrize("principal", ["*", "box?", "b*1", "box0,*x1"])
def test_a_certificate_may_name_its_hosts_by_a_pattern(authority: Path, sign: Sign, principal: str) -> None:
    check_certificate("b", "box1", trusting(authority), sign("-h", "-n", principal))


def test_a_certificate_of_anybody_else_is_refused(authority: Path, sign: Sign) -> None:
    with pytest.raises(HostKeyError, match="no @cert-authority line"):
        check_certificate("b", "box1", [], sign("-h", "-n", "box1"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-h", "-n", "box2"), "it is for box2, not for box1"),
        (("-h", "-n", "BOX1"), "it is for BOX1, not for box1"),
        (("-h", "-n", "box[1]"), "it is for box[1], not for box1"),
        (("-h",), "it names no host; sign the key again with `ssh-keygen -h -n box1`"),
        (("-n", "box1"), "a user's"),
        (("-h", "-n", "box1", "-V", "20200101:20200102"), "not valid now"),
    ],
)
def test_a_certificate_for_something_else_is_refused(
    authority: Path, sign: Sign, words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(HostKeyError, match=re.escape(reason)):
        check_certificate("b", "box1", trusting(authority), sign(*words))


def test_a_revoked_authority_vouches_for_nobody(authority: Path, sign: Sign) -> None:
    known = trusting(authority) + trusting(authority, "@revoked")

    with pytest.raises(HostKeyError, match="revoked"):
        check_certificate("b", "box1", known, sign("-h", "-n", "box1"))


def test_every_changed_byte_of_what_is_signed_is_noticed(authority: Path, sign: Sign) -> None:
    blob = sign("-h", "-n", "box1")
    known = trusting(authority)
    for place in range(0, len(parse_certificate(blob).signed), 5):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(HostKeyError):
            check_certificate("b", "box1", known, bytes(changed), now=time.time())


@pytest.mark.parametrize("length", [0, 1, 40, 200])
def test_a_certificate_that_breaks_off_is_none(sign: Sign, length: int) -> None:
    blob = sign("-h", "-n", "box1")
    with pytest.raises(ValueError, match="host certificate"):
        parse_certificate(blob[:length])
