"""Writes a tree as YAML with everything YAML has: anchors, aliases, merge keys, tags, keys that stand twice."""

import json
import random
from dataclasses import dataclass

TAGS = [
    *("!!str", "!!map", "!!seq", "!!int", "!!float", "!!null", "!!bool", "!", "!vault", "!unsafe", "!!binary"),
    *("!!set", "!!omap", "!!pairs", "!!timestamp", "!own", "!!python/object/apply:os.system", "!<x:y>", "!e!x"),
    *("!!python/object/new:os.system", "!!python/name:os.system", "!!python/module:os", "!%41"),
]


@dataclass(frozen=True)
class Alias:
    """Stands for what has the anchor of this name."""

    name: str


class Writer:
    """Writes one text; how each value is written is a matter of chance."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.anchors: list[str] = []

    def document(self, value: object) -> str:
        """The tree as one document."""
        return self._block(value, 0).lstrip("\n") + "\n"

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _block(self, value: object, indent: int) -> str:
        if not isinstance(value, dict | list) or not value or self._happens(0.15):
            return " " + self._inline(value)
        lead, space = f" {self._properties()}".rstrip(), "\n" + " " * indent
        if isinstance(value, list):
            return lead + "".join(f"{space}-{self._block(item, indent + 2)}" for item in value)
        entries = self._entries(value)
        return lead + "".join(f"{space}{self._key(key)}:{self._block(part, indent + 2)}" for key, part in entries)

    def _inline(self, value: object) -> str:
        if isinstance(value, Alias):
            return f"*{value.name} "
        if self.anchors and self._happens(0.03):
            return f"*{self.chance.choice(self.anchors)} "
        properties = self._properties()
        if isinstance(value, list):
            return f"{properties}[{', '.join(map(self._inline, value))}]"
        if isinstance(value, dict):
            entries = (f"{self._key(key)}: {self._inline(part)}" for key, part in self._entries(value))
            return f"{properties}{{{', '.join(entries)}}}"
        return properties + self._scalar(value)

    def _properties(self) -> str:
        """An anchor, a tag, or mostly nothing."""
        if self._happens(0.02):
            self.anchors.append(f"a{len(self.anchors)}")
            return f"&{self.anchors[-1]} "
        return f"{self.chance.choice(TAGS)} " if self._happens(0.01) else ""

    def _entries(self, value: dict[object, object]) -> list[tuple[object, object]]:
        """The entries, sometimes with one of them twice, or with a merge key."""
        entries = list(value.items())
        if entries and self._happens(0.02):
            entries.append(self.chance.choice(entries))
        if self.anchors and self._happens(0.03):
            entries.insert(0, ("<<", Alias(self.chance.choice(self.anchors))))
        return entries

    def _key(self, key: object) -> str:
        return f"? {self._scalar(key)}\n" if self._happens(0.003) else self._scalar(key)

    def _scalar(self, value: object) -> str:
        if value is None:
            return self.chance.choice(["", "~", "null"])
        if not isinstance(value, str):
            return self.chance.choice([str(value), json.dumps(value, default=str)])
        is_word = value.replace("_", "").replace("-", "").replace(".", "").isalnum() or value == "<<"
        return value if is_word and self._happens(0.8) else json.dumps(value, ensure_ascii=self._happens(0.5))
