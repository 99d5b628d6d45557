"""Builds the demo's two images, ozwald-demo/llm:1 and ozwald-demo/web:1, as files for `docker load`."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BuildError
from builder.image import Image, architecture, image_id, write_image
from builder.packages import install_packages
from builder.rootfs import Link, Rootfs, add_python, base_system, find_busybox

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"

LLM = Image(
    reference="ozwald-demo/llm:1",
    title="llama.cpp server with a small model of random weights",
    entrypoint=["/usr/bin/python3", "-I", "-S", "-B", "-u", "/app/server.py"],
    # All libraries lie in /lib, which not every distribution's loader searches.
    environment={"LD_LIBRARY_PATH": "/lib", "MODEL_PATH": "/app/model.gguf"},
)
WEB = Image(
    reference="ozwald-demo/web:1",
    title="status page served by busybox httpd",
    entrypoint=["/bin/sh", "/app/start"],
    environment={"LD_LIBRARY_PATH": "/lib"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An image and the function that gathers its files, given a folder to work in."""

    name: str
    image: Image
    gather: Callable[[Path], Rootfs]


def main() -> int:
    arguments = parse_arguments()
    try:
        check_platform()
        for recipe, path in build_images(arguments.out):
            print(recipe.image.reference, image_id(path), path, sep="\t")
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Prints a line for each image: reference, image id, file, separated by tabs.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the images, made when missing")
    return parser.parse_args()


def check_platform() -> None:
    # Ubuntu 22.04's python3 is 3.10: it gets as far as this.
    if sys.version_info < (3, 11):  # noqa: UP036
        raise BuildError(f"Python 3.11 or later is needed, this is {platform.python_version()}")
    if sys.platform != "linux":
        raise BuildError("the images are made of this machine's own files: build on Linux")
    architecture(platform.machine())


def build_images(out: Path) -> Iterator[tuple[Recipe, Path]]:
    """Builds what `out` does not hold yet; yields each image's recipe and file."""
    out.mkdir(parents=True, exist_ok=True)
    key = content_key()
    with only_builder(out):
        for recipe in RECIPES:
            path = out.resolve() / f"ozwald-demo-{recipe.name}-{key}.tar"
            if not path.exists():
                build_image(recipe, path)
            yield recipe, path


def build_image(recipe: Recipe, path: Path) -> None:
    print(f"building {recipe.image.reference}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="work-", suffix=".partial", dir=path.parent) as work:
        write_image(path, recipe.image, recipe.gather(Path(work)))


@contextmanager
def only_builder(out: Path) -> Iterator[None]:
    """Waits until no other build uses `out`, then removes what a killed one left half done."""
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in out.glob("*.partial"):
            if leftover.is_dir():
                # A pip that outlived its killed parent may still write there.
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()
        yield


def content_key() -> str:
    """Names what the images are made of: this Python and architecture, the pinned packages, our sources."""
    digest = hashlib.sha256(f"{sys.version} {platform.machine()} {platform.libc_ver()}".encode())
    for path in sources():
        digest.update(f"\0{path.relative_to(HERE)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def sources() -> list[Path]:
    return sorted(
        path
        for pattern in ("build.py", "requirements.txt", "builder/*.py", "builder/*.txt", "llm/*", "web/**/*")
        for path in HERE.glob(pattern)
        if path.is_file()
    )


def gather_llm(work: Path) -> Rootfs:
    packages, model = work / "packages", work / "model.gguf"
    install_packages(REQUIREMENTS, packages)
    write_model(packages, model)
    rootfs = base_system(find_busybox())
    add_python(rootfs)
    rootfs.add_tree("app/xllamacpp", packages / "xllamacpp")
    rootfs.add_libraries_of(sorted(packages.glob("xllamacpp/*.so")))
    for licences in packages.glob("xllamacpp-*/licenses"):
        rootfs.add_tree("app/licenses", licences)
    rootfs.add_file("app/model.gguf", model)
    rootfs.add_file("app/server.py", HERE / "llm" / "server.py")
    return rootfs


def write_model(packages: Path, model: Path) -> None:
    """Writes the model in a process that sees the packages: this one keeps the user's own environment."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), str(HERE)])}
    command = [sys.executable, "-B", "-m", "builder.gguf_model", str(model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"the model cannot be written:\n{done.stderr.strip()}")


def gather_web(_work: Path) -> Rootfs:
    rootfs = base_system(find_busybox())
    rootfs.add("bin/httpd", Link(target="busybox"))
    rootfs.add_tree("app", HERE / "web")
    return rootfs


RECIPES = (
    Recipe(name="llm", image=LLM, gather=gather_llm),
    Recipe(name="web", image=WEB, gather=gather_web),
)


if __name__ == "__main__":
    sys.exit(main())
