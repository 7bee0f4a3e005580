"""A real model small enough to write by hand: a weight a word and policy, and one a colour channel."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lance
import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from infra.lake import open_lake
from infra.registry import Registry, is_empty
from infra.settings import Settings
from models.data.snapshot import headed
from models.domain.preprocessing import PREPROCESSING
from models.domain.schemas import SPLITS
from models.policies import POLICY_SETS
from models.training.presets import preset_named
from tasks.data.snapshot import Snapshot
from tasks.release.evaluate import evaluate
from tasks.release.promote import promote
from tasks.release.register import Release, register
from tasks.training.run import Run, begin
from tasks.training.train import Candidate

SET = "community_guidelines"
POLICIES = POLICY_SETS[SET].keys
WORDS = ["[PAD]", "[UNK]", *POLICIES, *(f"plain{i}" for i in range(8))]
LEARNED = POLICIES[:-2]  # the last two are never judged to be violated
SIZE = 32
WATCHING: dict[str, Any] = {"modalities": ["text", "image", "video"], "frames": 4}


def write_model(
    folder: Path, *, strength: float = 6.0, int8: bool = False, watches: bool = False, **about: Any
) -> Path:
    """A model folder as training leaves it; `strength` is the weight of a policy's own word, 0 knows nothing. One that
    watches sums up the frames of a video as if each were a picture. `about` is for what model.json is to say besides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_graph(strength, watches), folder / "model.onnx")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "weights.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    preset = {"name": "trial", "int8": int8, "window": 32, "windows": 4} | (WATCHING if watches else {})
    (folder / "model.json").write_text(json.dumps(DESCRIPTION | {"preset": preset} | about))
    return folder


DESCRIPTION = {
    "preset": {"name": "trial"},
    "policies": POLICIES,
    "max_tokens": 32,
    "image_size": SIZE,
    "parity": 1e-6,
    "preprocessing": PREPROCESSING,
}


def _graph(strength: float, watches: bool) -> onnx.ModelProto:
    width = len(POLICIES)
    words = np.random.default_rng(0).normal(0, 0.5, (len(WORDS), width)).astype(np.float32)
    words[2 : 2 + width] = 0
    words[2 : 2 + width] += strength * np.eye(width, dtype=np.float32)
    colours = np.zeros((3, width), np.float32)
    colours[0, 3] = strength / 2  # red pictures show graphic content
    constants = {
        "words": words, "colours": colours, "bias": np.full(width, -strength / 2, np.float32),
        "none": np.zeros((1, width), np.float32), "last": np.array([2], np.int64), "second": np.array([1], np.int64),
        "space": np.array([2, 3], np.int64),
    }  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["each", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "second"], ["text"], keepdims=0),
        helper.make_node("ReduceMean", ["pixels", "space"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "colours"], ["shown"]),
        helper.make_node("Concat", ["shown", "none"], ["pictures"], axis=0),
        helper.make_node(
            "Gather", ["pictures", "image_index"], ["picture"]
        ),  # -1 is the last row: no picture
        helper.make_node("Sum", ["text", "picture", "bias"], ["quiet" if watches else "logits"]),
    ]
    if watches:
        nodes += [
            helper.make_node("Gather", ["pictures", "frame_index"], ["frames"]),
            helper.make_node("ReduceSum", ["frames", "second"], ["film"], keepdims=0),
            helper.make_node("Sum", ["quiet", "film"], ["logits"]),
        ]
    integers = TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("input_ids", integers, ["batch", "tokens"]),
        helper.make_tensor_value_info("attention_mask", integers, ["batch", "tokens"]),
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["images", 3, SIZE, SIZE]),
        helper.make_tensor_value_info("image_index", integers, ["batch"]),
    ]
    if watches:
        inputs.append(helper.make_tensor_value_info("frame_index", integers, ["batch", WATCHING["frames"]]))
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", width])]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def make_candidate(
    settings: Settings, *, seed: int = 0, strength: float = 6.0, posts: int = 1600, watches: bool = False,
    unjudged: tuple[str, ...] = (),
) -> Candidate:  # fmt: skip
    """A candidate as training leaves it, on a snapshot in the settings' lake; nobody judged the policies `unjudged`."""
    uri = open_lake(settings).snapshot(f"snapshot-{seed}")
    options = settings.options_for(uri)
    counts = write_snapshot(uri, posts=posts, seed=seed, storage_options=options, unjudged=unjudged)
    snapshot = Snapshot(
        id=f"snapshot-{seed}", uri=uri, policy_set=SET, policies=POLICIES, counts=counts,
        versions={"posts": 1, "judgements": 2}, seed=seed, dropped={},
    )  # fmt: skip
    open_store(settings)
    run = begin.fn(settings, snapshot, "trial", seed)
    folder = settings.work / "candidates" / run.key[:16]
    write_model(folder / "model", strength=strength, watches=watches)
    return Candidate(
        key=run.key, run_id=run.run_id, folder=folder, snapshot=snapshot, preset="trial", seed=seed
    )


def run_of(candidate: Candidate) -> Run:
    """As `begin` gave it."""
    preset = preset_named(candidate.preset)
    return Run(
        key=candidate.key, run_id=candidate.run_id, given=candidate.preset, preset=preset, seed=candidate.seed
    )


def make_champion(
    settings: Settings, *, seed: int = 0, strength: float = 6.0, watches: bool = False,
    unjudged: tuple[str, ...] = (),
) -> Release:  # fmt: skip
    """A candidate that went all the way."""
    candidate = make_candidate(settings, seed=seed, strength=strength, watches=watches, unjudged=unjudged)
    return promote.fn(settings, register.fn(settings, candidate, evaluate.fn(settings, candidate, None)))


@cache
def _migrated_store() -> bytes:
    """An MLflow database without runs: making one takes seconds."""
    with TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), _env_file=None)
        Registry(settings).client.search_experiments()
        return (settings.home / "mlflow.db").read_bytes()


def open_store(settings: Settings) -> None:
    if is_empty(settings):
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / "mlflow.db").write_bytes(_migrated_store())


def picture(red: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (SIZE, SIZE), (red, 60, 60)).save(out, "PNG")
    return out.getvalue()


def write_snapshot(
    uri: str, *, posts: int = 1600, seed: int = 0, storage_options: dict[str, str] | None = None,
    unjudged: tuple[str, ...] = (),
) -> dict[str, int]:  # fmt: skip
    """A snapshot in which a policy's own word makes a violation likely; returns the posts of each split."""
    rng = np.random.default_rng(seed)
    counts = dict(zip(SPLITS, (posts // 4, posts // 8, posts // 4, posts * 3 // 8), strict=True))
    split = [name for name, count in counts.items() for _ in range(count)]
    labels, texts = _labels(rng, len(split))
    labels[:, np.isin(POLICIES, unjudged)] = np.nan
    red = rng.integers(0, 256, 8).tolist()
    columns = {
        "post_id": [f"s{seed}-{i:05}" for i in range(len(split))],
        "author_id": [f"author-{i % 97}" for i in range(len(split))],
        "market": rng.choice(["DE", "US", "JP", "FR"], len(split)).tolist(),
        "language": rng.choice(["de", "en", "ja"], len(split)).tolist(),
        "created_at": [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=i) for i in range(len(split))],
        "text": texts,
        "image": [picture(red[i % 8]) if i % 5 == 0 else None for i in range(len(split))],
        "video": [None] * len(split),
        "views": [0] * len(split),
        "has_media": [i % 5 == 0 for i in range(len(split))],
        "cluster": list(range(len(split))),
        "split": split,
        "labels": labels.tolist(),
        "votes": (~np.isnan(labels)).astype(np.int32).tolist(),
    }
    described = {
        "id": f"snapshot-{seed}",
        "policy_set": SET,
        "policies": POLICIES,
        "counts": counts,
        "seed": seed,
    }
    schema = headed(described)
    lance.write_dataset(pa.table(columns, schema=schema), uri, storage_options=storage_options)
    return counts


def _labels(rng: np.random.Generator, posts: int) -> tuple[np.ndarray, list[str]]:
    said = rng.random((posts, len(POLICIES))) < 0.12
    said[:, len(LEARNED) :] = False
    violates = np.where(said, rng.random(said.shape) < 0.9, rng.random(said.shape) < 0.01)
    violates[:, len(LEARNED) :] = False
    unknown = rng.random(said.shape) < 0.2
    plain = rng.integers(0, 8, (posts, 3))
    words = [
        " ".join([*(f"plain{w}" for w in row), *(POLICIES[i] for i in np.flatnonzero(said[n]))])
        for n, row in enumerate(plain)
    ]
    return np.where(unknown, np.nan, violates).astype(np.float32), words
