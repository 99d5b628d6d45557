"""Writes the demo's language model: llama's architecture, random weights, a vocabulary of English words.

What it says is grammar-free chatter, always printable text: that is all a demo of serving needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from builder.vocabulary import CHAT_TEMPLATE, CONTROL_TOKENS, END, TURN_END, Vocabulary, build_vocabulary

DIMENSIONS = 128
LAYERS = 2
HEADS = 4
FEED_FORWARD = 384
LONGEST_CONTEXT = 131072
SEED = 20

# Dimension 0 of the residual stream is a constant that no layer writes to. The output matrix reads it as a
# bias, which llama's architecture does not have, and so silences bytes and control tokens.
CONSTANT = 4.0
SILENCE = -20.0
# With 127 normed inputs this spreads the words' logits by about 2, enough for varied text.
OUTPUT_SPREAD = 0.18


def write_model(path: Path) -> None:
    """Writes the model file; the same package versions give the same bytes."""
    vocabulary = build_vocabulary()
    writer = import_module("gguf").GGUFWriter(path, "llama")
    write_architecture(writer, len(vocabulary.tokens))
    write_tokenizer(writer, vocabulary)
    for name, tensor in tensors(vocabulary):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_architecture(writer: Any, vocabulary_size: int) -> None:
    writer.add_name("ozwald-demo")
    writer.add_description("random weights, for demonstrations and tests")
    writer.add_context_length(LONGEST_CONTEXT)
    writer.add_embedding_length(DIMENSIONS)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIMENSIONS // HEADS)
    writer.add_vocab_size(vocabulary_size)


def write_tokenizer(writer: Any, vocabulary: Vocabulary) -> None:
    kind = import_module("gguf").TokenType
    kinds = [kind.CONTROL if token in CONTROL_TOKENS else kind.NORMAL for token in vocabulary.tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(vocabulary.token_id(END))
    writer.add_eos_token_id(vocabulary.token_id(END))
    writer.add_eot_token_id(vocabulary.token_id(TURN_END))
    writer.add_pad_token_id(vocabulary.token_id(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def tensors(vocabulary: Vocabulary) -> Iterator[tuple[str, Any]]:
    """Yields every tensor by its GGUF name; matrices are rows of outputs by columns of inputs."""
    np = import_module("numpy")
    random = np.random.default_rng(SEED)

    def matrix(rows: int, columns: int, spread: float, *, keeps_constant: bool = False) -> Any:
        weights = random.standard_normal((rows, columns)) * spread
        if keeps_constant:
            weights[0, :] = 0
        return weights.astype(np.float16)

    size = len(vocabulary.tokens)
    embedding = matrix(size, DIMENSIONS, 1.0)
    embedding[:, 0] = CONSTANT
    yield "token_embd.weight", embedding
    width, wide = DIMENSIONS**-0.5, FEED_FORWARD**-0.5
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", np.ones(DIMENSIONS, dtype=np.float32)
        for name in ("attn_q", "attn_k", "attn_v"):
            yield f"blk.{layer}.{name}.weight", matrix(DIMENSIONS, DIMENSIONS, width)
        yield f"blk.{layer}.attn_output.weight", matrix(DIMENSIONS, DIMENSIONS, width, keeps_constant=True)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", matrix(FEED_FORWARD, DIMENSIONS, width)
        yield f"blk.{layer}.ffn_down.weight", matrix(DIMENSIONS, FEED_FORWARD, wide, keeps_constant=True)
    output = matrix(size, DIMENSIONS, OUTPUT_SPREAD)
    output[:, 0] = SILENCE
    output[vocabulary.speakable, 0] = 0
    yield "output_norm.weight", np.ones(DIMENSIONS, dtype=np.float32)
    yield "output.weight", output


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
