"""The demo model's vocabulary: every byte, a few hundred English words, and the marks of a chat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

END = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
CONTROL_TOKENS = (END, TURN_START, TURN_END)

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

WORDS = Path(__file__).with_name("words.txt").read_text().split()
PUNCTUATION = (".", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Byte-level BPE: tokens and merges as GGUF stores them; `speakable` are the ids the model may say."""

    tokens: list[str]
    merges: list[str]
    speakable: list[int]

    def token_id(self, token: str) -> int:
        return self.tokens.index(token)


def build_vocabulary() -> Vocabulary:
    """Builds the tokens from WORDS: each word, with the space before it, is one token."""
    alphabet = list(byte_alphabet().values())
    space = byte_alphabet()[ord(" ")]
    merges = list(dict.fromkeys(merge for word in WORDS for merge in merges_of(space + word)))
    tokens = [*alphabet, *(merge.replace(" ", "") for merge in merges), *CONTROL_TOKENS]
    said = {space + word for word in WORDS} | set(PUNCTUATION)
    speakable = [index for index, token in enumerate(tokens) if token in said]
    return Vocabulary(tokens=tokens, merges=merges, speakable=speakable)


def merges_of(word: str) -> list[str]:
    """Merges that grow a word from its first letter: `abc` gives `a b` and `ab c`."""
    return [f"{word[:end]} {word[end]}" for end in range(1, len(word))]


def byte_alphabet() -> dict[int, str]:
    """One printable character for each byte, as in GPT-2's encoder: the others are moved up from U+0100."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    moved = [byte for byte in range(256) if byte not in set(printable)]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(0x100 + index) for index, byte in enumerate(moved)})
    return dict(sorted(alphabet.items()))
