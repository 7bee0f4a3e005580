"""Networks of open_clip as towers: their own modules in their own order, read token by token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.domain.preset import Preset
from models.encoders.adapters.transformers import checked, read_tokenizer
from models.encoders.base.encoder import Blueprint, Tokens, Tower
from models.encoders.base.towers import (
    FIELD_MEAN,
    FIELD_STD,
    Normalise,
    UnfitWeightsError,
    everywhere,
    last,
    loading,
)
from models.process.meta_device import has_values

if TYPE_CHECKING:
    from open_clip import CLIP

CONFIG = "open_clip_config.json"


class OpenClipTower(Tower):
    """Both halves of a dual encoder; the first token of a picture is its pooled one, of which the embedding is made."""

    def __init__(self, model: Any, blueprint: Blueprint) -> None:
        super().__init__()
        visual = model.visual  # the library says how pixels are scaled once it has loaded weights
        self.normalise = Normalise(
            getattr(visual, "image_mean", None) or FIELD_MEAN, getattr(visual, "image_std", None) or FIELD_STD
        )
        self.visual, self.text = _checked(model, blueprint)
        self.logit_scale, self.logit_bias = model.logit_scale, model.logit_bias
        if blueprint.sees:
            with torch.no_grad():
                size = blueprint.preset.image_size
                device = next(self.visual.parameters()).device
                hidden, features = self._look(torch.zeros(1, 3, size, size, device=device))
                self.image_width, self.embedding_width = hidden.shape[-1], features.shape[-1]
        else:
            self.visual = None
        if blueprint.reads:
            self.text_width = self.text.ln_final.weight.shape[0]
            features = projected(self.text.ln_final.weight[None], self.text.text_projection)
            self.embedding_width = features.shape[-1]
        else:
            self.text = None

    def read(self, input_ids: Tensor, attention_mask: Tensor, seen: Tokens | None) -> Tokens:  # noqa: ARG002
        """The library reads 77 tokens with padding; causal attention gives the same for the tokens that are there."""
        text, length = self.text, input_ids.shape[1]
        hidden = text.token_embedding(input_ids) + places(text.positional_embedding, length)
        hidden = text.ln_final(text.transformer(hidden, attn_mask=causal(hidden)))
        mask = attention_mask > 0
        return Tokens(
            hidden, mask, functional.normalize(projected(last(hidden, mask), text.text_projection), dim=-1)
        )

    def see(self, pixels: Tensor) -> Tokens:
        hidden, pooled = self._look(self.normalise(pixels))
        return everywhere(hidden, functional.normalize(pooled, dim=-1))

    def _look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [M, L, D], the pooled one first, and the picture's features [M, E]."""
        visual = self.visual
        if hasattr(visual, "trunk"):  # a network of timm
            hidden = visual.trunk.forward_features(pixels)
            return hidden, visual.head(visual.trunk.forward_head(hidden))
        # its own forward, which gives the tokens only where a configuration says so
        pooled, tokens = visual._pool(visual.transformer(visual._embeds(pixels)))  # noqa: SLF001
        return torch.cat([pooled.unsqueeze(1), tokens], dim=1), projected(pooled, visual.proj)


def places(positions: Tensor, length: int) -> Tensor:
    """The first so many rows; looked up, since an exporter takes a slice that may be whole for another shape."""
    return functional.embedding(torch.arange(length, device=positions.device), positions)


def causal(hidden: Tensor) -> Tensor:
    """What is added to attention logits [T, T] so that no token of [N, T, D] sees a later one."""
    length = hidden.shape[1]
    return torch.full((length, length), float("-inf"), device=hidden.device, dtype=hidden.dtype).triu(1)


def projected(features: Tensor, projection: nn.Module | Tensor | None) -> Tensor:
    """open_clip keeps projections as layers, as matrices, or has none."""
    if projection is None:
        return features
    return projection(features) if isinstance(projection, nn.Module) else features @ projection


def load(blueprint: Blueprint, small: dict[str, Any]) -> CLIP:
    """The network of a folder of weights, of an architecture by its name with random weights, or the `small` one."""
    import open_clip
    from open_clip.model import CustomTextCLIP

    preset, folder = blueprint.preset, blueprint.weights
    if folder is not None and not (folder / CONFIG).exists():
        raise UnfitWeightsError(f"{folder} holds no weights of open_clip: {CONFIG} is missing")
    if folder is not None:
        with loading(folder, "open_clip"):
            return open_clip.create_model(
                f"local-dir:{folder}",
                load_weights=has_values(),
                device=torch.empty(0).device,
                force_custom_text=True,
                force_image_size=preset.image_size,
            )
    config = _named(preset) if preset.architecture else small
    if "multimodal_cfg" not in config:
        return CustomTextCLIP(**config)
    model = open_clip.CoCa(**config)
    projection = model.text_decoder.text_projection  # which the library leaves as memory happens to be
    nn.init.normal_(projection, std=projection.shape[0] ** -0.5)
    return model


def _named(preset: Preset) -> dict[str, Any]:
    """The configuration of an architecture of open_clip's own."""
    import open_clip

    config = open_clip.get_model_config(preset.architecture)
    if config is None:
        raise UnfitWeightsError(
            f"open_clip has no architecture {preset.architecture!r}; choose one of open_clip.list_models()"
        )
    config["vision_cfg"]["image_size"] = preset.image_size
    return {name: value for name, value in config.items() if name not in {"custom_text", "preprocess_cfg"}}


def towers_of(preset: Preset, vocabulary: int) -> dict[str, Any]:
    """The configuration of a small dual encoder."""
    return {
        "embed_dim": preset.width,
        "vision_cfg": {
            "image_size": preset.image_size,
            "patch_size": preset.patch_size,
            "width": preset.width,
            "layers": preset.layers,
            "head_width": preset.width // preset.heads,
        },
        "text_cfg": {
            "context_length": preset.max_tokens,
            "vocab_size": vocabulary,
            "width": preset.width,
            "heads": preset.heads,
            "layers": preset.layers,
        },
    }


def tokenizer_of(folder: Path) -> Tokenizer:
    """The folder's own, else the one of CLIP, from the merges that come with open_clip."""
    own = folder / "tokenizer.json"
    return read_tokenizer(own) if own.exists() else clip_tokenizer()


def clip_tokenizer() -> Tokenizer:
    """CLIP's byte-pair encoding (Radford et al., 2021), with its marks of beginning and end.

    open_clip also mends broken Unicode with ftfy before; a serving tokeniser has no such step.
    """
    from open_clip.tokenizer import SimpleTokenizer
    from tokenizers import Regex, decoders
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC, Lowercase, Replace, Sequence
    from tokenizers.pre_tokenizers import ByteLevel, Split
    from tokenizers.pre_tokenizers import Sequence as PreTokenizers
    from tokenizers.processors import TemplateProcessing

    source = SimpleTokenizer()
    merges = sorted(source.bpe_ranks, key=source.bpe_ranks.__getitem__)
    tokenizer = Tokenizer(BPE(source.encoder, merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = Sequence([NFC(), Replace(Regex(r"\s+"), " "), Lowercase()])
    words = Split(Regex(source.pat.pattern), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = PreTokenizers([words, ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace("</w>", " ")])
    start, end = "<start_of_text>", "<end_of_text>"
    marks = [(mark, source.encoder[mark]) for mark in (start, end)]
    tokenizer.post_processor = TemplateProcessing(single=f"{start} $A {end}", special_tokens=marks)
    return tokenizer


def _checked(model: Any, blueprint: Blueprint) -> tuple[Any, Any]:
    """The two halves of a network that this house can read token by token."""
    preset, text = blueprint.preset, model.text
    if blueprint.reads:
        if not hasattr(text, "token_embedding") or text.attn_mask is None:
            raise UnfitWeightsError(
                f"{blueprint.weights or preset.architecture} reads with another library's or without causal "
                "attention; choose weights whose text half is CLIP's own, or image_encoder=clip alone"
            )
        tokens = text.positional_embedding.shape[0]
        tokens -= 0 if text.cls_emb is None else 2  # a class token, and padding before it
        checked(blueprint, tokens=tokens, vocabulary=text.vocab_size)
    return model.visual, text
