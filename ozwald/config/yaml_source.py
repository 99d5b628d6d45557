"""YAML text to a tree with places, from parser events only: nothing in a file is ever executed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from ozwald.config.files import Source
from ozwald.config.nodes import At, ListNode, MapNode, Node, Scalar, origin_of
from ozwald.config.problems import MOST_VALUES, Problems, RefusedError, shortened, whole_file
from ozwald.model.realm import Origin

MAX_DEPTH = 64
# As YAML itself has it for keys without a '?' before them.
MAX_KEY = 1024
# The parser compares each '%TAG' line with each.
MAX_DIRECTIVES = 16
# What aliases and merge keys may add to the nodes that were really written: enough for any file people
# keep, little enough to refuse a bomb at once.
ALIAS_NODES = 10_000
ALIAS_RATIO = 10

_TAG = "tag:yaml.org,2002:"
_SCALAR_TYPES: dict[str, tuple[type, ...]] = {
    _TAG + "int": (int,),
    _TAG + "float": (int, float),
    _TAG + "bool": (bool,),
    _TAG + "null": (type(None),),
}
_TEXT_TAGS = (_TAG + "str", "!")
# The pure parser quotes what it found, which the C parser and we do not.
_QUOTED = re.compile(r"(character|handle) '.+?'|, but (?:found|got) .*")
_HINTS = {
    "found character that cannot start any token": "a tab, '@' or '`' starts no value; indent with spaces",
    "mapping values are not allowed": "a ':' does not belong here; quote the text or check the indent",
    "could not find expected ':'": "a ':' is missing, or the indent is wrong",
    "did not find expected key": "a key was expected here; check the indent and the quotes",
    "did not find expected '-' indicator": "a list item ('- ') was expected here; check the indent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a kind of file may have that ours may not: keys that stand twice, tags of its own."""

    last_duplicate_wins: bool = False
    tags: frozenset[str] = frozenset()


OURS = Dialect()


@dataclass(slots=True)
class _Frame:
    """A list or map that is still being read, with the size and height it has in expanded nodes."""

    at: At
    anchor: str | None
    is_map: bool
    items: list[Node] = field(default_factory=list)
    values: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None
    merges: list[MapNode] = field(default_factory=list)
    size: int = 1
    height: int = 1


@dataclass(slots=True, frozen=True)
class _Anchored:
    node: Node
    size: int
    height: int


def compose(source: Source, problems: Problems, *, dialect: Dialect = OURS) -> Node | None:
    """The one document of a file (null when it is empty), or None when it cannot be read.

    What is wrong goes into `problems`.
    """
    if source.text.count("%TAG") > MAX_DIRECTIVES:
        problems.error(whole_file(source.file), f"has more than {MAX_DIRECTIVES} times '%TAG'; write tags out")
        return None
    composer = _Composer(source.file, problems, dialect)
    try:
        composer.take_all(_loader()(source.text))
    except yaml.MarkedYAMLError as err:
        problems.error(_mark_place(source.file, err.problem_mark or err.context_mark), _syntax_message(err))
        return None
    except yaml.YAMLError:
        problems.error(whole_file(source.file), "is not valid YAML")
        return None
    except RefusedError as err:
        problems.error(err.origin, err.message)
        return None
    finally:
        problems.spent += composer.written + composer.expanded
    return composer.root or Scalar(at=(source.file, 1, 1), text="")


def _loader() -> type:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _mark_place(file: str, mark: Any) -> Origin:
    return Origin(file=file, line=mark.line + 1, column=mark.column + 1) if mark else whole_file(file)


def _syntax_message(err: yaml.MarkedYAMLError) -> str:
    problem = _QUOTED.sub(lambda found: found[1] or "", str(err.problem))
    for start, hint in _HINTS.items():
        if problem.startswith(start):
            return f"not valid YAML: {hint}"
    if not err.context:
        return f"not valid YAML: {problem}"
    begun = f" (begun in line {err.context_mark.line + 1})" if err.context_mark else ""
    return f"not valid YAML: {err.context}{begun}: {problem}"


class _Composer:
    """Builds the tree event by event, with a budget on what aliases may add."""

    def __init__(self, file: str, problems: Problems, dialect: Dialect) -> None:
        self.file = file
        self.problems = problems
        self.dialect = dialect
        self.root: Node | None = None
        self.documents = 0
        self.room = MOST_VALUES - problems.spent
        self.written = 0
        self.expanded = 0
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored | None] = {}

    def take_all(self, parser: Any) -> None:
        """Take every event of a parser."""
        takers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        for event in iter(parser.get_event, None):
            taker = takers.get(type(event))
            if taker:
                taker(event)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            place = origin_of(self._place(event))
            raise RefusedError(place, "a second document starts here; one file is one document")

    def _count(self, event: yaml.NodeEvent) -> At:
        """Count one more node and say where it is; raises SettingsError when there are too many."""
        place = self._place(event)
        self.written += 1
        if self.written + self.expanded > self.room:
            self.problems.spend(self.written + self.expanded, origin_of(place))
        return place

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._count(event)
        if event.tag is None:
            node = Scalar(place, event.value, event.implicit[0])
        else:
            tag = event.tag if event.tag in self.dialect.tags else ""
            node = Scalar(place, event.value, self._is_plain(event, event.tag, place), tag=tag)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(node, 1, 1)
        self._add(node, 1, 1, place)

    def _is_plain(self, event: yaml.ScalarEvent, tag: str, place: At) -> bool:
        if tag in self.dialect.tags:
            return not event.style
        types = _SCALAR_TYPES.get(tag)
        if types:
            if type(Scalar(at=place, text=event.value).value) not in types and "$" not in event.value:
                self.problems.error(origin_of(place), "the text does not fit its tag")
            return True
        if tag not in _TEXT_TAGS:
            self.problems.error(origin_of(place), "a tag that Ozwald does not know; remove it")
        return False

    def _start(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        place = self._count(event)
        is_map = type(event) is yaml.MappingStartEvent
        if event.tag not in (None, "!", _TAG + ("map" if is_map else "seq"), *self.dialect.tags):
            self.problems.error(origin_of(place), "a tag that Ozwald does not know; remove it")
        if len(self.stack) >= MAX_DEPTH:
            raise RefusedError(origin_of(place), f"nested deeper than {MAX_DEPTH} levels")
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(place, event.anchor, is_map))

    def _end(self, event: yaml.Event) -> None:
        frame = self.stack.pop()
        node = _merged(frame) if frame.is_map else ListNode(at=frame.at, items=tuple(frame.items))
        if frame.anchor:
            self.anchors[frame.anchor] = _Anchored(node, frame.size, frame.height)
        self._add(node, frame.size, frame.height, frame.at)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        name = event.anchor or ""
        if name not in self.anchors:
            raise RefusedError(
                origin_of(place), f"an alias without an anchor{self.problems.nearest(name, self.anchors)}"
            )
        anchored = self.anchors[name]
        if anchored is None:
            raise RefusedError(origin_of(place), "an alias inside its own anchor has no end")
        self.expanded += anchored.size
        if self.expanded > min(ALIAS_NODES + ALIAS_RATIO * self.written, self.room - self.written):
            raise RefusedError(origin_of(place), "aliases and merge keys make this file too large")
        if len(self.stack) + anchored.height > MAX_DEPTH:
            raise RefusedError(origin_of(place), f"nested deeper than {MAX_DEPTH} levels")
        self._add(anchored.node, anchored.size, anchored.height, place)

    def _add(self, node: Node, size: int, height: int, place: At) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        if frame.height <= height:
            frame.height = height + 1
        if not frame.is_map:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node, place)
        else:
            key, frame.key = frame.key, None
            self._add_entry(frame, key, node, place)

    def _key(self, node: Node, place: At) -> Scalar:
        if not isinstance(node, Scalar):
            raise RefusedError(origin_of(place), "a key must be a single word, not a list or a map")
        if len(node.text) > MAX_KEY:
            raise RefusedError(origin_of(place), f"a key is longer than {MAX_KEY} characters")
        if node.plain and not node.text:
            self.problems.error(origin_of(place), "a key is missing before this ':'")
        return node if node.at == place else Scalar(at=place, text=node.text, plain=node.plain)

    def _add_entry(self, frame: _Frame, key: Scalar, node: Node, place: At) -> None:
        if key.text == "<<" and key.plain:
            self._merge(frame, node, place)
        elif key.text in frame.values and not self.dialect.last_duplicate_wins:
            first = frame.keys[key.text].origin
            self.problems.error(key.origin, f"the key {shortened(key.text)!r} stands twice; first in line {first.line}")
        else:
            if key.text in frame.values:
                self.problems.warn(key.origin, f"the key {shortened(key.text)!r} stands twice; the last one counts")
            frame.values[key.text] = node
            frame.keys[key.text] = key

    def _merge(self, frame: _Frame, node: Node, place: At) -> None:
        for merged in node.items if isinstance(node, ListNode) else (node,):
            if isinstance(merged, MapNode):
                frame.merges.append(merged)
            else:
                self.problems.error(origin_of(place), "'<<' takes a map or a list of maps, as in '<<: *name'")

    def _place(self, event: yaml.Event) -> At:
        mark: Any = event.start_mark
        return (self.file, mark.line + 1, mark.column + 1)


def _merged(frame: _Frame) -> MapNode:
    """The map with its merge keys applied: its own keys win, then the earlier of several merged maps."""
    if not frame.merges:
        return MapNode(at=frame.at, values=frame.values, keys=frame.keys)
    values: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}
    for merged in reversed(frame.merges):
        values.update(merged.values)
        keys.update(merged.keys)
    return MapNode(at=frame.at, values=values | frame.values, keys=keys | frame.keys)
