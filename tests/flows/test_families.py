"""The whole lifecycle with each family of encoders: from scratch, and from a folder of weights with low-rank tuning."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tiny_model import open_store

from flows.form import RollOut, Training
from flows.retrain import retrain
from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings
from infra.simulator import simulate
from infra.weights import NoWeightsError
from models.bundle.bundle import Bundle

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.usefixtures("prefect_server")]

FAMILIES = ("albef", "blip", "clip", "coca,caption_tokens=2", "eva", "flamingo", "text", "vit_22b", "vit_g")
POSTS = 1500
QUICK = (
    "width=32,layers=2,image_size=32,epochs=1,minimum_steps=30,averaging=0.9,ngram_bits=14,vocabulary=2000"
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    home = tmp_path_factory.mktemp("simulated") / "home"
    settings = Settings(home=home, _env_file=None)
    simulate(open_lake(settings), posts=POSTS, weeks=4, seed=1)
    open_store(settings)
    return home


def trained(preset):
    return retrain(training=Training(preset=preset), rollout=RollOut(canary=False))


def champion(settings):
    registry = Registry(settings)
    return Bundle.load(registry.fetch(registry.champion()))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_becomes_champion_and_scores(home, name):
    outcome = trained(f"{name},{QUICK}")
    assert outcome.promoted, outcome.evaluation.gates
    bundle = champion(home)
    scores = bundle.score(["a harmless text", None], [None, None])
    assert scores.shape == (2, len(bundle.policies))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_weights_in_a_folder_are_tuned_with_low_rank_additions(home, tmp_path):
    from open_clip.model import CustomTextCLIP

    vision = {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 8}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
    config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(0)
    folder = tmp_path / "weights"
    folder.mkdir()
    save_file(CustomTextCLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    about = {"model_cfg": config | {"custom_text": True}, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(about))
    outcome = trained(f"clip,{QUICK},tuning=lora,lora_rank=4,weights={folder}")
    assert outcome.promoted, outcome.evaluation.gates
    run = Registry(home).client.get_run(outcome.run_id)
    assert len(run.data.tags["weights"]) == 64
    assert champion(home).scorer.tokenizer.get_vocab_size() == 49408
    with pytest.raises(NoWeightsError, match="no weights at"):
        trained(f"clip,{QUICK},weights={folder / 'nowhere'}")
