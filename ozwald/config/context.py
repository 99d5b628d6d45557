"""What the readers of one settings file share."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ozwald.config.problems import Problems, RefusedError, shown
from ozwald.model.service import EnvFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`variables` are those that values may use; `folder` is the settings file's.

    `env_files` has those that were read or refused, by path and whether raw: many services may name the same one.
    While a layer is read, `own` is the environment that it sets itself, and `inherits` says that it lies over others,
    so that a key without a value removes theirs.
    """

    problems: Problems
    variables: Mapping[str, str]
    folder: Path
    cwd: Path
    env_files: dict[tuple[Path, bool], EnvFile | RefusedError] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    inherits: bool = False

    def shown(self, path: Path) -> str:
        """The path as messages show it."""
        return shown(path, self.cwd)

    def home(self, written: str) -> str:
        """A path with `~` replaced by the user's home folder."""
        home = self.variables.get("HOME")
        if home and (written == "~" or written.startswith("~/")):
            return home + written[1:]
        return written if "\0" in written else os.path.expanduser(written)
