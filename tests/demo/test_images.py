"""The demo's image builder: what it reads, what it writes and how the server in the image is set up."""

from __future__ import annotations

import hashlib
import io
import json
import runpy
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from builder.elf import parse_ldd, without_debug_sections
from builder.errors import BuildError
from builder.image import Image, architecture, image_id, write_image, write_layer
from builder.packages import install_packages
from builder.rootfs import File, Folder, Link, Rootfs, is_needed
from builder.vocabulary import PUNCTUATION, WORDS, build_vocabulary, merges_of

IMAGES = Path(__file__).resolve().parents[2] / "demo" / "images"
RECORDINGS = Path(__file__).with_name("recordings")
# What the two programs define, without running them.
BUILD = runpy.run_path(str(IMAGES / "build.py"), run_name="demo_build")
SERVER = runpy.run_path(str(IMAGES / "llm" / "server.py"), run_name="demo_server")
read_settings = SERVER["read_settings"]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="images are built on Linux")
IMAGE = Image(reference="example/one:1", title="one", entrypoint=["/bin/one"], environment={"A": "b"})


class TestLdd:
    def test_finds_libraries_and_loader_of_all_programs(self) -> None:
        libraries = parse_ldd((RECORDINGS / "ldd_three_programs.txt").read_text())

        assert libraries.by_name["libexpat.so.1"] == Path("/lib/x86_64-linux-gnu/libexpat.so.1")
        assert libraries.by_name["libgomp.so.1"] == Path("/lib/x86_64-linux-gnu/libgomp.so.1")
        assert "linux-vdso.so.1" not in libraries.by_name
        assert libraries.loaders == {Path("/lib64/ld-linux-x86-64.so.2")}

    def test_names_every_missing_library(self) -> None:
        text = "\tlibgomp.so.1 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x01)\n\tlibz.so.1 => not found\n"

        with pytest.raises(BuildError, match=r"libgomp\.so\.1, libz\.so\.1; install them"):
            parse_ldd(text)

    def test_takes_a_loader_behind_an_arrow(self) -> None:
        libraries = parse_ldd("\t/lib/ld-linux.so.1 => /usr/lib/ld-linux.so.1 (0x01)\n")

        assert libraries.by_name == {}
        assert libraries.loaders == {Path("/lib/ld-linux.so.1")}


@on_linux
class TestDebugSections:
    def test_a_program_runs_without_them(self, tmp_path: Path) -> None:
        program = tmp_path / "python"
        whole = Path(sys.executable).resolve().read_bytes()
        program.write_bytes(without_debug_sections(whole))
        program.chmod(0o755)

        subprocess.run([program, "-V"], check=True, env={"PYTHONHOME": sys.base_prefix}, capture_output=True)
        assert program.stat().st_size < len(whole)

    def test_cutting_twice_changes_nothing(self) -> None:
        once = without_debug_sections(Path(sys.executable).resolve().read_bytes())

        assert without_debug_sections(once) == once

    def test_other_files_stay_whole(self) -> None:
        assert without_debug_sections(b"#!/bin/sh\n") == b"#!/bin/sh\n"


class TestLayer:
    def test_order_of_adding_does_not_matter(self) -> None:
        entries = {"b": File(content=b"2"), "a": Folder(), "a/link": Link(target="../b")}

        assert layer_of(entries) == layer_of(dict(reversed(entries.items())))

    def test_belongs_to_root_and_is_dated_1970(self) -> None:
        layer = io.BytesIO(layer_of({"run": File(content=b"", mode=0o755)}))
        with tarfile.open(fileobj=layer) as tar:
            member = tar.getmember("run")

        assert (member.uid, member.gid, member.uname, member.mtime, member.mode) == (0, 0, "", 0, 0o755)

    def test_folders_come_with_their_files(self) -> None:
        rootfs = Rootfs()
        rootfs.add("tmp", Folder(mode=0o1777))
        rootfs.add("tmp/deep/file", File(content=b""))

        assert rootfs.entries["tmp"] == Folder(mode=0o1777)
        assert list(rootfs.entries) == ["tmp", "tmp/deep", "tmp/deep/file"]


@on_linux
class TestImage:
    def test_ids_are_the_digests_of_what_is_in_the_file(self, tmp_path: Path) -> None:
        path = write_example(tmp_path / "one.tar")
        with tarfile.open(path) as tar:
            [manifest] = json.loads(read(tar, "manifest.json"))
            config = read(tar, manifest["Config"])
            layer = read(tar, manifest["Layers"][0])

        assert manifest["RepoTags"] == ["example/one:1"]
        assert image_id(path) == f"sha256:{hashlib.sha256(config).hexdigest()}"
        assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]

    def test_same_content_gives_the_same_file(self, tmp_path: Path) -> None:
        assert write_example(tmp_path / "1").read_bytes() == write_example(tmp_path / "2").read_bytes()

    def test_leaves_nothing_beside_the_file(self, tmp_path: Path) -> None:
        write_example(tmp_path / "one.tar")

        assert [path.name for path in tmp_path.iterdir()] == ["one.tar"]

    def test_refuses_an_architecture_without_wheels(self) -> None:
        with pytest.raises(BuildError, match="riscv64: build on one of x86_64, aarch64"):
            architecture("riscv64")


@pytest.mark.parametrize("path", ["os.py", "json/decoder.py", "lib-dynload/_socket.cpython-311-x86_64-linux-gnu.so"])
def test_keeps_what_servers_import(path: str) -> None:
    assert is_needed(Path(path))


@pytest.mark.parametrize(
    "path",
    [
        "test/test_os.py",
        "site-packages/pip/__init__.py",
        "sitecustomize.py",
        "config-3.11-x86_64-linux-gnu/Makefile",
        "lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so",
        "idlelib/help.html",
    ],
)
def test_leaves_the_rest_of_the_standard_library_out(path: str) -> None:
    assert not is_needed(Path(path))


class TestVocabulary:
    def test_the_model_says_words_and_punctuation_only(self) -> None:
        vocabulary = build_vocabulary()
        said = {vocabulary.tokens[index] for index in vocabulary.speakable}

        assert said == {f"\u0120{word}" for word in WORDS} | set(PUNCTUATION)

    def test_tokens_are_all_different(self) -> None:
        tokens = build_vocabulary().tokens

        assert len(set(tokens)) == len(tokens)

    def test_a_word_grows_from_its_first_letter(self) -> None:
        assert merges_of("abc") == ["a b", "ab c"]


class TestServerSettings:
    def test_defaults(self) -> None:
        settings = read_settings({}, cpus=16)

        assert (settings.model_name, settings.context, settings.threads, settings.port) == (
            "ozwald-demo",
            4096,
            2,
            8080,
        )

    def test_come_from_the_environment(self) -> None:
        environment = {"MODEL_NAME": "tiny", "MAX_MODEL_LEN": "2048", "N_THREADS": "3", "PORT": "9000"}
        settings = read_settings(environment, cpus=1)

        assert (settings.model_name, settings.context, settings.threads, settings.port) == ("tiny", 2048, 3, 9000)

    def test_an_empty_variable_counts_as_not_set(self) -> None:
        assert read_settings({"MAX_MODEL_LEN": "", "MODEL_NAME": ""}, cpus=1) == read_settings({}, cpus=1)

    @pytest.mark.parametrize("text", ["4k", "-1", "255", "131073", "1e4", "²"])
    def test_a_wrong_number_is_named(self, text: str) -> None:
        with pytest.raises(
            SERVER["SettingError"], match=f"MAX_MODEL_LEN must be a whole number from 256 to 131072, not '{text}'"
        ):
            read_settings({"MAX_MODEL_LEN": text}, cpus=1)


def test_a_missing_wheel_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-package-of-ours==1\n")

    with pytest.raises(BuildError, match=r"No matching distribution found for no-such-package-of-ours==1\nCheck that"):
        install_packages(requirements, tmp_path / "packages")


@on_linux
def test_what_a_killed_build_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "work-1.partial" / "packages").mkdir(parents=True)
    (tmp_path / "llm.tar.partial").write_bytes(b"half")
    (tmp_path / "web.tar").write_bytes(b"whole")
    only_builder: Callable[[Path], AbstractContextManager[None]] = BUILD["only_builder"]

    with only_builder(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "web.tar"]


def write_example(path: Path) -> Path:
    rootfs = Rootfs()
    rootfs.add("bin/one", File(content=b"#!/bin/sh\n", mode=0o755))
    write_image(path, IMAGE, rootfs)
    return path


def layer_of(entries: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    write_layer(file, entries)
    return file.getvalue()


def read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()
