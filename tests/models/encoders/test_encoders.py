"""One suite over the catalogue: what every family of encoders does, in its small configuration with random weights."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.bundle.export import parity, random_batch, to_onnx
from models.encoders import ENCODERS
from models.network.captions import WritesNothingError
from models.network.network import Network, towers
from models.objectives import OBJECTIVES
from models.process.meta_device import shapes_alone
from models.training.contract import of_encoder, of_preset
from models.training.presets import preset_named

pytestmark = pytest.mark.slow

NAMES = ENCODERS.names()
VOCABULARY, POSTS, TOKENS, POLICIES = 300, 6, 9, 3
PIECES = torch.randint(0, 40, (VOCABULARY, 8), generator=torch.Generator().manual_seed(0))
TUNED = [name for name in NAMES if ENCODERS[name].usual]


def small(name, **changes):
    return (
        ENCODERS[name]
        .preset()
        .replace(**{"ngram_bits": 0, "width": 32, "layers": 2, "image_size": 32, "dropout": 0.0, **changes})
    )


def network(name, **changes):
    torch.manual_seed(0)
    return Network(small(name, **changes), POLICIES, PIECES).eval()


def batch(made, posts=POSTS, tokens=TOKENS, seed=0):
    drawn = random_batch(made, 32, np.random.default_rng(seed), posts, tokens)
    return {name: torch.from_numpy(array) for name, array in drawn.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_family_keeps_the_contract(name):
    assert preset_named(name).name == name.replace("text_", "")
    assert of_encoder(ENCODERS[name]) == []
    assert of_preset(preset_named(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_gets_its_share_from_another_process_is_built_the_same_without_memory(name):
    made = network(name)
    with shapes_alone():
        shares = network(name)
    expected, found = (
        {key: value.shape for key, value in each.state_dict().items()} for each in (made, shares)
    )
    assert found == expected
    assert all(parameter.is_meta for parameter in shares.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_tokens_of_what_is_there_are_finite_and_embeddings_of_unit_length(name):
    made = network(name)
    inputs = batch(made)
    mask = inputs["attention_mask"] * (torch.arange(POSTS) != 2)[:, None]
    for tower in made.towers.values():
        found = []
        if tower.text_width:
            found.append((tower.read(inputs["input_ids"], mask, None), tower.text_width, POSTS))
        if tower.image_width:
            found.append((tower.see(inputs["pixels"]), tower.image_width, len(inputs["pixels"])))
        for tokens, width, rows in found:
            assert tokens.hidden.shape[::2] == (rows, width)
            assert tokens.mask.shape == tokens.hidden.shape[:2]
            assert torch.isfinite(tokens.hidden).all()
            if tokens.embedding is not None:
                assert torch.allclose(tokens.embedding.norm(dim=1), torch.ones(rows), atol=1e-5)


WRITERS = ["blip", "coca", "flamingo"]


@pytest.mark.parametrize("name", NAMES)
def test_a_family_that_can_writes_where_it_is_asked_and_has_no_weights_for_it_elsewhere(name):
    sizes = {}
    for asked in (False, True):
        made = towers(small(name), PIECES, None, writes=asked)[name]
        assert made.writes == (asked and name in WRITERS)
        sizes[asked] = sum(p.numel() for p in made.parameters())
    assert (sizes[True] > sizes[False]) == (name in WRITERS)


@pytest.mark.parametrize("name", WRITERS)
@torch.no_grad()
def test_what_is_written_sees_its_picture_and_no_later_token(name):
    torch.manual_seed(0)
    made = towers(small(name), PIECES, None, writes=True)[name].eval()
    ids, mask = torch.randint(2, VOCABULARY, (3, TOKENS)), torch.ones(3, TOKENS, dtype=torch.int64)
    seen = made.see(torch.rand(3, 3, 32, 32) * 2 - 1)
    seen = seen._replace(mask=seen.mask & (torch.arange(3) < 2)[:, None])  # the last one has no picture
    logits = made.write(ids, mask, seen)
    assert logits.shape == (3, TOKENS, VOCABULARY)
    other = ids.clone()
    other[:, 5] = (other[:, 5] + 1) % VOCABULARY
    changed = (made.write(other, mask, seen) - logits).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [place >= 5 for place in range(TOKENS)]
    unlike = made.write(ids, mask, seen._replace(hidden=seen.hidden.roll(1, dims=0)))
    assert ((unlike - logits).abs().amax(dim=(1, 2)) > 1e-6).tolist() == [True, True, False]
    alone = made.write(ids, mask, None)
    assert torch.allclose(alone[2], logits[2], atol=1e-5)
    assert not torch.allclose(alone[:2], logits[:2], atol=1e-5)
    short = made.write(ids[:, :4], mask[:, :4], seen)
    assert torch.allclose(short, logits[:, :4], atol=1e-5)


@pytest.mark.parametrize("name", WRITERS)
def test_captions_move_the_logits_of_pictures_are_trained_with_and_export(tmp_path, name):
    made, inputs = network(name, caption_tokens=2), batch(network(name))
    made.captioner.marks.copy_(torch.tensor([2, 3]))
    loss = made.train().deep(**inputs).square().mean()
    loss.backward()
    assert torch.isfinite(loss)
    before = made.eval()(**inputs)
    reading, made.captioner = made.captioner, None
    moved = (made(**inputs) - before).abs().amax(dim=1) > 1e-5
    assert torch.equal(moved, inputs["image_index"] >= 0)
    made.captioner = reading
    to_onnx(made, small(name, caption_tokens=2), tmp_path / "model.onnx")
    rng = np.random.default_rng(0)
    batches = [random_batch(made, 32, rng, posts, tokens) for posts, tokens in ((1, 1), (5, 7), (9, 20))]
    bare = {**batches[1], "pixels": batches[1]["pixels"][:0], "image_index": np.full(5, -1)}
    bare["frame_index"] = np.full_like(bare["frame_index"], -1)
    assert parity(made, tmp_path, [*batches, bare]) < 1e-3


def test_a_preset_that_can_write_no_captions_says_which_can():
    with pytest.raises(WritesNothingError, match="choose one of: blip, coca, flamingo, or caption_tokens=0"):
        network("clip", caption_tokens=2)
    with pytest.raises(WritesNothingError, match="takes text and image"):
        network("coca", caption_tokens=4, modalities=("image",))
    with pytest.raises(WritesNothingError, match="at most max_tokens, which is 64"):
        network("coca", caption_tokens=64)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_a_batch_by_heart(name):
    made = network(name).train()
    inputs = batch(made, posts=8)
    targets = (torch.arange(8 * POLICIES).view(8, POLICIES) % 5 < 2).float()
    optimizer = torch.optim.AdamW(made.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        loss = OBJECTIVES["asymmetric"](made.deep(**inputs), targets, torch.ones_like(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_computes_the_same(name, tmp_path):
    made = network(name)
    inputs = batch(made)
    save_file(made.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    other = Network(small(name), POLICIES, PIECES).eval()
    assert not torch.allclose(other(**inputs), made(**inputs), atol=1e-4)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(other(**inputs), made(**inputs))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_weights(name):
    first, second = network(name).state_dict(), network(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_graph_computes_what_torch_computes(tmp_path, name):
    made = network(name)
    to_onnx(made, small(name), tmp_path / "model.onnx")
    rng = np.random.default_rng(0)
    batches = [random_batch(made, 32, rng, posts, tokens) for posts, tokens in ((1, 1), (5, 7), (33, 40))]
    bare = {**batches[1], "pixels": batches[1]["pixels"][:0], "image_index": np.full(5, -1)}
    bare["frame_index"] = np.full_like(bare["frame_index"], -1)
    silent = {**batches[1], "attention_mask": bare["attention_mask"] * 0}
    assert parity(made, tmp_path, [*batches, bare, silent]) < 1e-3
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_post_lacks_does_not_depend_on_the_posts_beside_it(name):
    made = network(name)
    inputs = batch(made)
    together = made(**inputs)
    for row in range(POSTS):
        place = int(inputs["image_index"][row])
        length = int(inputs["attention_mask"][row].sum())
        alone = made(
            input_ids=inputs["input_ids"][row : row + 1, :length],
            attention_mask=inputs["attention_mask"][row : row + 1, :length],
            pixels=inputs["pixels"][place : place + 1] if place >= 0 else inputs["pixels"][:0],
            image_index=torch.tensor([0 if place >= 0 else -1]),
            frame_index=inputs["frame_index"][row : row + 1],
        )
        assert torch.allclose(alone, together[row : row + 1], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_modality_moves_the_logits(name):
    made = network(name)
    inputs = batch(made)
    logits = made(**inputs)
    modalities = small(name).modalities
    if "image" in modalities:
        assert not torch.allclose(made(**{**inputs, "pixels": -inputs["pixels"]})[0], logits[0], atol=1e-5)
    if "text" in modalities:
        other = {**inputs, "input_ids": (inputs["input_ids"] + 1) * inputs["attention_mask"]}
        assert not torch.allclose(made(**other)[1], logits[1], atol=1e-5)


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize("tuning", ["lora", "probe"])
def test_only_what_is_tuned_is_trained(name, tuning):
    made = network(name, tuning=tuning, width=64).train()
    inputs = batch(made)
    before = {key: value.clone() for key, value in made.merged().towers.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in made.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):
        made.deep(**inputs).square().mean().backward()
        optimizer.step()
    after = made.merged().towers.state_dict()
    changed = [key for key, value in after.items() if not torch.equal(value, before[key])]
    assert bool(changed) == (tuning == "lora")
    of_towers = sum(p.numel() for p in made.towers.parameters() if p.requires_grad)
    assert of_towers < 0.6 * sum(p.numel() for p in made.towers.parameters())
    made.eval()
    assert torch.allclose(made.merged()(**inputs), made(**inputs), atol=1e-4)


@pytest.mark.parametrize("name", TUNED)
def test_the_usual_network_has_the_parameters_that_are_announced(name):
    usual = ENCODERS[name].usual
    preset = ENCODERS[name].preset().replace(architecture=usual.architecture, **usual.fields)
    preset = preset.replace(modalities=ENCODERS[name].modalities)
    with torch.device("meta"):
        built = towers(preset, PIECES.to("meta"), None)
    assert sum(p.numel() for p in built[name].parameters()) == usual.parameters


@pytest.mark.parametrize("name", ["compact", "clip", "vit_g"])
def test_a_network_that_watches_videos_exports_and_says_when(tmp_path, name):
    made = network(name, modalities=("text", "image", "video"), frames=4)
    to_onnx(made, small(name, modalities=("text", "image", "video"), frames=4), tmp_path / "model.onnx")
    rng = np.random.default_rng(0)
    batches = [random_batch(made, 32, rng, posts, tokens) for posts, tokens in ((1, 1), (5, 7), (12, 20))]
    bare = {**batches[1], "pixels": batches[1]["pixels"][:0], "image_index": np.full(5, -1)}
    bare["frame_index"] = np.full_like(bare["frame_index"], -1)
    assert (batches[2]["frame_index"] >= 0).any()
    assert parity(made, tmp_path, [*batches, bare]) < 1e-3
    inputs = {key: torch.from_numpy(array) for key, array in batches[2].items()}
    logits, moments = made(**inputs), made.moments(inputs["pixels"], inputs["frame_index"])
    assert moments.shape == (12, 4, POLICIES)
    unwatched = {**inputs, "frame_index": torch.full_like(inputs["frame_index"], -1)}
    moved = (logits - made(**unwatched)).abs().amax(dim=1) > 1e-5
    assert torch.equal(moved, (inputs["frame_index"] >= 0).any(dim=1))
