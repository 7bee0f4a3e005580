"""The trained network as a folder of files that any reviewer can open: ONNX, safetensors, tokeniser, JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.export import Dim

from models.bundle.onnx_export import OPSET, quietly
from models.data.loader import INPUTS
from models.data.words import Words
from models.domain.preprocessing import PREPROCESSING
from models.domain.preset import Preset
from models.inference.embedder import EMBEDDER, EMBEDDER_TOKENIZER, EMBEDDING
from models.inference.precision import ONNX
from models.inference.scorer import LOGITS, MODEL, MOMENTS, TOKENIZER, WORDS, ModelFile
from models.layers.visual import Visual
from models.network.network import Network
from models.process.atomic_write import whole_folder
from models.readers import READERS

WEIGHTS = "weights.safetensors"
COMPARED = (
    (1, 1),
    (7, 24),
    (32, 12),
)  # posts and tokens of the batches that every export is held against torch on

SERVED = tuple(
    name for name in INPUTS if name != "picture_embedding"
)  # which the graph itself makes of pixels

Arrays = Mapping[str, NDArray[np.generic]]


def export(
    folder: Path,
    network: Network,
    tokenizer: Tokenizer,
    preset: Preset,
    policies: tuple[str, ...],
    *,
    real: Iterable[Arrays] = (),
    embedder: Path | None = None,
    visual: Visual | None = None,
    words: Words | None = None,
) -> None:
    """Leave model.onnx, weights.safetensors, tokenizer.json and model.json in `folder`, all or nothing, and a copy of
    the frozen encoder of texts in `embedder` and the known words beside them, where there are such; the frozen one of
    what is seen, `visual`, is a part of the graph.

    The ONNX file is compared with torch on random batches and on the `real` ones; model.json says how far apart
    they were.
    """
    rng = np.random.default_rng(1)
    made_up = (
        random_batch(network, preset.image_size, rng, posts, min(tokens, preset.max_tokens))
        for posts, tokens in COMPARED
    )
    with whole_folder(folder) as aside:
        to_onnx(network, preset, aside / ONNX, visual)
        weights = network.merged().state_dict()
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, aside / WEIGHTS)
        tokenizer.save(str(aside / TOKENIZER))
        if words is not None:
            (aside / WORDS).write_text(str(words), encoding="utf-8")
        if embedder is not None:
            for name in (EMBEDDER, EMBEDDER_TOKENIZER):
                shutil.copyfile(embedder / name, aside / name)
        worst = parity(network, aside, chain(made_up, real), visual)
        (aside / MODEL).write_text(_model_file(preset, policies, worst).model_dump_json(indent=1))


def to_onnx(network: Network, preset: Preset, path: Path, visual: Visual | None = None) -> None:
    """One file, opset 20; inputs as `Network.forward`, outputs `logits` [N, P] and, of a network that watches videos,
    `moments` [N, F, P].
    """
    posts, tokens, images = Dim("posts"), Dim("tokens", max=preset.max_tokens), Dim("images")
    shapes = {
        "input_ids": {0: posts, 1: tokens},
        "attention_mask": {0: posts, 1: tokens},
        "pixels": {0: images},
        "image_index": {0: posts},
        "frame_index": {0: posts},
        EMBEDDING: {0: posts},
    }
    example = random_batch(
        network, preset.image_size, np.random.default_rng(0), posts=4, tokens=min(12, preset.max_tokens)
    )
    if not network.embedding_width:
        del example[EMBEDDING], shapes[EMBEDDING]  # else it might be what tells the number of posts
    inputs = tuple(torch.from_numpy(array) for array in example.values())
    outputs = [LOGITS] if network.temporal is None else [LOGITS, MOMENTS]
    with quietly():
        graph = torch.export.export(
            Served(network.for_serving(), visual), inputs, dynamic_shapes=(tuple(shapes.values()),)
        )
        program = torch.onnx.export(
            graph, input_names=list(example), output_names=outputs, opset_version=OPSET, verbose=False
        )
        assert program is not None
        used = [given for given in program.model.graph.inputs if given.uses()]
        program.model.graph.inputs[:] = used  # so that a model of text alone asks for no pixels
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # where in the code it was made, with the folders of this machine
        program.save(path, external_data=False)


class Served(nn.Module):
    """The network with the outputs that are served, and the frozen encoder of what is seen, where there is one."""

    def __init__(self, network: Network, visual: Visual | None = None) -> None:
        super().__init__()
        self.network, self.visual = network, visual

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Logits, and those of the frames where there are any."""
        _, _, pixels, image_index, frame_index, *_ = inputs
        seen = None if self.visual is None else self.visual(pixels, image_index, frame_index)
        logits = self.network(*inputs, picture_embedding=seen)
        if self.network.temporal is None:
            return (logits,)
        return logits, self.network.moments(pixels, frame_index)


def _model_file(preset: Preset, policies: tuple[str, ...], worst: float) -> ModelFile:
    return ModelFile(
        policies=policies,
        preset=preset.model_dump(mode="json"),
        max_tokens=preset.max_tokens,
        image_size=preset.image_size,
        parity=worst,
        preprocessing=PREPROCESSING,
        readers={name: READERS[name].edition for name in preset.reads},
    )


def random_batch(
    network: Network, image_size: int, rng: np.random.Generator, posts: int, tokens: int
) -> dict[str, NDArray[np.generic]]:
    """Inputs of a made-up batch in which some texts are short, every other post has an image and, where the network
    watches any, every third a video.
    """
    lengths = rng.integers(1, tokens + 1, size=posts)
    mask = (np.arange(tokens) < lengths[:, None]).astype(np.int64)
    index = np.where(np.arange(posts) % 2 == 0, np.arange(posts) // 2, -1)
    shown = np.arange(network.frames) < rng.integers(1, network.frames + 1, size=posts)[:, None]
    shown &= (np.arange(posts) % 3 == 0)[:, None] & (network.temporal is not None)
    frames = np.where(shown, index.max() + shown.cumsum().reshape(shown.shape), -1)
    embedding = rng.normal(size=(posts, network.embedding_width)).astype(np.float32)
    return {
        "input_ids": rng.integers(min(2, network.vocabulary - 1), network.vocabulary, size=(posts, tokens))
        * mask,
        "attention_mask": mask,
        "pixels": rng.uniform(
            -1, 1, size=(max(index.max(), frames.max()) + 1, 3, image_size, image_size)
        ).astype(np.float32),
        "image_index": index,
        "frame_index": frames,
        EMBEDDING: embedding,
    }


def parity(network: Network, model: Path, batches: Iterable[Arrays], visual: Visual | None = None) -> float:
    """The largest absolute difference of any logit between torch and the ONNX file in `model`."""
    session = onnxruntime.InferenceSession(model / ONNX, providers=["CPUExecutionProvider"])
    wanted = {entry.name for entry in session.get_inputs()}
    served = Served(network, visual).eval()
    worst = 0.0
    for batch in batches:
        with torch.no_grad():
            given = (torch.from_numpy(np.asarray(batch[name])) for name in SERVED if name in batch)
            expected = served(*given)[0].numpy()
        (found,) = session.run([LOGITS], {name: array for name, array in batch.items() if name in wanted})
        worst = max(worst, float(np.abs(expected - found).max(initial=0)))
    return worst
