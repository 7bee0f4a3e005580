"""Captions by the likeliest token, against what the families' own libraries write with the same weights."""

import pytest
import torch

from models.data.tokenizer import encode, train_tokenizer
from models.encoders import ENCODERS
from models.encoders.adapters.open_clip import clip_tokenizer
from models.encoders.base.encoder import Blueprint, Tower
from models.network.captions import WritesNothingError, captions, write

SIZE, VOCABULARY = 32, 40
PIECES = torch.ones(VOCABULARY, 1, dtype=torch.int64)
START, END = 1, 2


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def pixels():
    return torch.rand(5, 3, SIZE, SIZE) * 2 - 1


def blueprint(name, **fields):
    preset = ENCODERS[name].preset().replace(image_size=SIZE, width=32, layers=2, max_tokens=16, dropout=0.0)
    return Blueprint(preset=preset, pieces=PIECES, modalities=("text", "image"), writes=True, **fields)


class Recites(Tower):
    """Writes tokens 5, 4, 3 and so on down from its picture's, whatever it wrote before."""

    writes = True

    def write(self, input_ids, attention_mask, seen):
        wanted = (seen.hidden[:, 0].long() - torch.arange(input_ids.shape[1])).clamp(min=0)
        return torch.nn.functional.one_hot(wanted, 10).float()


def test_a_caption_ends_at_its_mark_and_is_padded_behind_it():
    from models.encoders.base.towers import everywhere

    seen = everywhere(torch.tensor([[[5.0]], [[9.0]]]))
    ids, mask = write(Recites(), seen, torch.tensor([START, END]), longest=8, shortest=0)
    assert ids.tolist() == [[1, 5, 4, 3, 2, 0, 0, 0], [1, 9, 8, 7, 6, 5, 4, 2]]
    assert mask.sum(dim=1).tolist() == [5, 8]
    short, _ = write(Recites(), everywhere(seen.hidden[:1]), torch.tensor([START, END]), shortest=5)
    assert short.tolist()[0][:5] == [1, 5, 4, 3, 0]  # which is too early for the mark


@pytest.fixture
def _generates(monkeypatch):
    """open_clip switches its generation off where transformers lacks the beam search, of which this needs nothing."""
    from open_clip import coca_model
    from transformers import TopKLogitsWarper

    monkeypatch.setattr(coca_model, "_has_transformers", True)
    monkeypatch.setitem(coca_model.GENERATION_TYPES, "top_k", TopKLogitsWarper)


@pytest.mark.usefixtures("_generates")
def test_coca_writes_what_open_clip_writes(pixels):
    from models.encoders.adapters.open_clip import load
    from models.encoders.coca import CocaTower, small_config

    made = blueprint("coca")
    theirs = load(made, small_config(made)).eval()
    with torch.no_grad():  # so that what is written depends on what was written before
        theirs.text_decoder.text_projection.mul_(4)
        theirs.text.positional_embedding.mul_(100)
    ours = CocaTower(theirs, made).eval()
    expected = theirs.generate(
        ours.normalise(pixels), seq_len=12, min_seq_len=3, generation_type="top_k", top_k=1,
        sot_token_id=START, eos_token_id=END, pad_token_id=0, fixed_output_length=True,
    )  # fmt: skip
    ids, mask = write(ours, ours.see(pixels), torch.tensor([START, END]), longest=12, shortest=3)
    assert torch.equal(ids, expected[:, : ids.shape[1]])
    assert len(ids.unique(dim=0)) > 1
    assert len(ids.unique()) > 5
    assert (ids[mask == 0] == 0).all()


def test_blip_writes_what_transformers_writes(tmp_path, pixels):
    from transformers import BlipForConditionalGeneration

    from models.encoders.blip import small_config

    torch.manual_seed(2)  # of which the captions differ
    theirs = BlipForConditionalGeneration(small_config(blueprint("blip"))).eval()
    theirs.config.text_config.sep_token_id = END
    with torch.no_grad():
        for weight in theirs.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.3)
    theirs.save_pretrained(tmp_path)
    ours = ENCODERS["blip"].build(blueprint("blip", weights=tmp_path)).eval()
    ids, _ = write(ours, ours.see(pixels), torch.tensor([3, END]), longest=12, shortest=0)
    expected = theirs.generate(ours.normalise(pixels), max_length=11, do_sample=False, num_beams=1)
    assert torch.equal(ids[:, :11], expected[:, : ids.shape[1]])
    assert len(ids.unique(dim=0)) > 1
    assert len(ids.unique()) > 5


def test_words_come_back_from_their_tokens():
    for tokenizer in (train_tokenizer(["the blue bird sings loud"] * 3, 300), clip_tokenizer()):
        (ids,) = encode(tokenizer, ["the bluebird sings"])
        around = len(tokenizer.encode("").ids) // 2
        assert tokenizer.decode(ids[around : len(ids) - around]).strip() == "the bluebird sings"


def test_a_tower_that_was_not_built_to_write_says_which_can(pixels):
    tower = ENCODERS["clip"].build(blueprint("clip"))
    with pytest.raises(WritesNothingError, match="begin from one of: blip, coca, flamingo"):
        next(captions(tower, train_tokenizer(["a"], 300), [*pixels]))


def test_pictures_are_captioned_in_words(pixels):
    tokenizer = train_tokenizer(["a red bird", "the blue bird sings"] * 3, 300)
    tower = ENCODERS["flamingo"].build(blueprint("flamingo")).eval()
    found = list(captions(tower, tokenizer, [*pixels]))
    assert len(found) == 5
    assert all(isinstance(text, str) for text in found)
