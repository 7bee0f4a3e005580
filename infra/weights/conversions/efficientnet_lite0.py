"""EfficientNet-Lite0 from the names of EfficientNet-PyTorch (lukemelas) to timm's tf_efficientnet_lite0.

Both pad as TensorFlow does, normalise batches with an epsilon of 0.001 and know the same 296 tensors. The latter groups
blocks by stage, counts norms from one, and has other names in the first block, which expands nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError

from infra.weights.conversion import Conversion
from infra.weights.weights import NoWeightsError

GIVEN, ARCHITECTURE = "efficientnet-lite0.pth", "tf_efficientnet_lite0"
STAGES = (1, 2, 2, 3, 3, 4, 1)  # blocks of each
OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
CLASSES = 1000
KEPT = ("input_size", "interpolation", "crop_pct", "mean", "std", "pool_size", "first_conv", "classifier")


def convert(given: Path, target: Path) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    try:
        found = torch.load(given / GIVEN, map_location="cpu", weights_only=True)
        renamed = {called(name): tensor.contiguous() for name, tensor in found.items()}
        network = timm.create_model(ARCHITECTURE, num_classes=CLASSES)
        network.load_state_dict(renamed)
    except (AttributeError, KeyError, RuntimeError, UnpicklingError) as error:
        raise NoWeightsError(f"{GIVEN} holds no EfficientNet-Lite0: {error}") from None
    about = {key: network.pretrained_cfg[key] for key in KEPT}
    save_file(renamed, target / "model.safetensors")
    config = {
        "architecture": ARCHITECTURE,
        "num_classes": CLASSES,
        "num_features": network.num_features,
        "pretrained_cfg": about | {"num_classes": CLASSES},
    }
    (target / "config.json").write_text(json.dumps(config, indent=2))


def called(name: str) -> str:
    """The name that timm has for a tensor; raises KeyError for one that this network has not."""
    first, *rest = name.split(".")
    if first != "_blocks":
        return ".".join([OUTSIDE[first], *rest])
    number, part, *rest = rest
    stage, place = list(_places())[int(number)]
    return ".".join(["blocks", str(stage), str(place), (EXPANDED if stage else FIRST)[part], *rest])


def _places() -> Iterator[tuple[int, int]]:
    """Of each block in order, its stage and where in that it stands."""
    for stage, blocks in enumerate(STAGES):
        yield from ((stage, place) for place in range(blocks))


CONVERSION = Conversion(name="efficientnet_lite0", convert=convert)
