"""Networks of transformers from folders that its own `save_pretrained` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from models.encoders.base.encoder import Blueprint
from models.encoders.base.towers import UnfitWeightsError, bare, configured, loading

TOKENIZER = "tokenizer.json"


def loaded(kind: Any, folder: Path, **fields: Any) -> Any:
    """`kind.from_pretrained` of a folder, with random weights where it holds a configuration alone; raises
    UnfitWeightsError where it holds neither, or what the library cannot load.
    """
    if "architecture" in configured(folder, "transformers"):
        raise UnfitWeightsError(
            f"{folder} holds weights of timm, which see pictures, and none of transformers"
        )
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # commands have one of their own
    with loading(folder, "transformers"):
        return _loaded(kind, folder, **fields)


def _loaded(kind: Any, folder: Path, **fields: Any) -> Any:
    if not bare(folder):
        return kind.from_pretrained(folder, local_files_only=True, **fields)
    from transformers import AutoConfig

    config, rest = AutoConfig.from_pretrained(
        folder, local_files_only=True, return_unused_kwargs=True, **fields
    )
    return kind.from_config(config) if hasattr(kind, "from_config") else kind(config, **rest)


def tokenizer_of(folder: Path) -> Tokenizer:
    """Raises UnfitWeightsError where the folder has none that the tokenizers library reads."""
    if not (folder / TOKENIZER).exists():
        raise UnfitWeightsError(
            f"{folder} has no {TOKENIZER}; save it with transformers' fast tokeniser beside the weights"
        )
    return read_tokenizer(folder / TOKENIZER)


def read_tokenizer(path: Path) -> Tokenizer:
    """Raises UnfitWeightsError where the tokenizers library cannot read the file."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library has no kind of its own for a file that it cannot read
        why = str(error).partition("\n")[0]
        raise UnfitWeightsError(
            f"{path} is no tokeniser that can be read: {why}; save transformers' fast tokeniser there anew"
        ) from None


def checked(blueprint: Blueprint, *, tokens: int, vocabulary: int) -> None:
    """Raises UnfitWeightsError where a network reads fewer tokens, or knows fewer, than it would be given."""
    preset = blueprint.preset
    if preset.max_tokens > tokens:
        raise UnfitWeightsError(f"max_tokens is {preset.max_tokens}; these weights read at most {tokens}")
    if len(blueprint.pieces) > vocabulary:
        raise UnfitWeightsError(
            f"the tokenizer knows {len(blueprint.pieces)} tokens, these weights {vocabulary}"
        )


def small_bert(blueprint: Blueprint) -> dict[str, Any]:
    """A small text encoder in the words of transformers' configurations."""
    preset = blueprint.preset
    return {
        "vocab_size": len(blueprint.pieces),
        "hidden_size": preset.width,
        "num_hidden_layers": preset.layers,
        "num_attention_heads": preset.heads,
        "intermediate_size": 4 * preset.width,
        "max_position_embeddings": preset.max_tokens,
        "hidden_dropout_prob": preset.dropout,
        "attention_probs_dropout_prob": preset.dropout,
        "pad_token_id": 0,
    }


def small_vit(blueprint: Blueprint) -> dict[str, Any]:
    """A small image encoder in the same words."""
    preset = blueprint.preset
    return {
        "hidden_size": preset.width,
        "num_hidden_layers": preset.layers,
        "num_attention_heads": preset.heads,
        "intermediate_size": 4 * preset.width,
        "image_size": preset.image_size,
        "patch_size": preset.patch_size,
        "initializer_range": 0.02,  # BLIP's own default is as good as zero
    }
