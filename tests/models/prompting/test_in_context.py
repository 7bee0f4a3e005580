"""Few-shot classification in one sequence: the library's own numbers, and what examples are good for."""

import pytest
import torch

from models.data.tokenizer import train_tokenizer
from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint
from models.network.captions import WritesNothingError
from models.prompting.in_context import InContext, Shot, Shown, Wording

SIZE = 32
TOKENIZER = train_tokenizer(["a walk by the lake ? yes", "a walk by the lake ? no"] * 3, 300)
WORDING = Wording(question="?")


def tower(weights=None, **fields):
    preset = ENCODERS["flamingo"].preset().replace(image_size=SIZE, width=32, layers=2, dropout=0.0)
    pieces = torch.ones(TOKENIZER.get_vocab_size(), 1, dtype=torch.int64)
    fields = {"modalities": ("text", "image"), "writes": True} | fields
    return ENCODERS["flamingo"].build(Blueprint(preset=preset, pieces=pieces, weights=weights, **fields))


def reader(made, longest=32):
    return InContext(tower=made.eval(), tokenizer=TOKENIZER, longest=longest, wording=WORDING)


def picture(red):
    noise = 0.1 * torch.randn(3, SIZE, SIZE)
    return noise + torch.tensor([1.0 if red else -1.0, -1.0, -1.0 if red else 1.0])[:, None, None]


@pytest.mark.slow
def test_interleaved_examples_give_the_logits_of_transformers(tmp_path):
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    from models.encoders.flamingo import small_config

    torch.manual_seed(0)
    made = tower()
    config = IdeficsConfig(
        **small_config(
            Blueprint(
                preset=ENCODERS["flamingo"].preset().replace(image_size=SIZE, width=32, layers=2),
                pieces=torch.ones(TOKENIZER.get_vocab_size(), 1),
                modalities=("text", "image"),
            )
        )
    )
    theirs = IdeficsForVisionText2Text(config).eval()
    for layer in theirs.model.gated_cross_attn_layers:
        layer.config = 0.0
    theirs.save_pretrained(tmp_path)
    made = reader(tower(tmp_path))
    shots = [Shot(Shown("a walk", picture(True)), True), Shot(Shown("by the lake", picture(False)), False)]
    post = Shown("walk", picture(True))
    rows = made.rows([made.row(post, shots, True)])
    assert rows.posts.unique().tolist() == [-1, 0, 1, 2]
    pictures = [*(shot.shown.picture for shot in shots), post.picture]
    expected = theirs(
        input_ids=rows.ids,
        attention_mask=rows.mask,
        pixel_values=made.tower.normalise(torch.stack(pictures)).unsqueeze(0),
        image_attention_mask=(rows.posts[:, :, None] == torch.arange(3)).long(),
        use_cache=False,
    ).logits
    assert torch.allclose(made.logits(rows, [pictures]), expected, atol=1e-5)
    spoken = expected.log_softmax(dim=-1)[0, -2, rows.ids[0, -1]]
    assert torch.allclose(made.log_likelihood([post], shots, True)[0], spoken, atol=1e-5)


def test_a_text_sees_its_own_picture_and_those_before_it_through_what_was_read():
    torch.manual_seed(0)
    made = reader(tower())
    shots = [Shot(Shown("a walk", picture(True)), True), Shot(Shown("by the lake"), False)]
    rows = made.rows([made.row(Shown("walk", picture(True)), shots, False)])
    pictures = [picture(True), None, picture(True)]
    before = made.logits(rows, [pictures])
    moved = (made.logits(rows, [[*pictures[:2], picture(False)]]) - before).abs().amax(dim=2)[0] > 1e-6
    assert torch.equal(moved, rows.posts[0] == 2)
    assert rows.answers.sum() == 1
    assert rows.answers[0, -1]


def test_the_first_examples_give_way_where_they_do_not_fit_and_a_long_text_is_cut():
    made = reader(tower(), longest=12)
    shots = [Shot(Shown("lake"), True), Shot(Shown("a walk"), False), Shot(Shown("by the lake"), True)]
    row = made.row(Shown("a"), shots, True)
    assert (len(row.ids) <= 12, row.posts[0], set(row.posts[1:])) == (True, -1, {2, 3})
    alone = made.row(Shown("by the lake " * 20), shots, True)
    assert (len(alone.ids), set(alone.posts[1:])) == (12, {3})


def test_a_tower_that_cannot_says_which_can():
    with pytest.raises(WritesNothingError, match="read by flamingo where it writes"):
        reader(tower(writes=False))


@pytest.mark.slow
def test_examples_tell_what_the_post_alone_does_not():
    """Whether red pictures violate is drawn anew for each sequence and told by its examples; blue ones never do."""

    def episode(red_violates):
        colours = [True, False] if torch.rand(()) < 0.5 else [False, True]
        return [Shot(Shown(None, picture(red)), red and red_violates) for red in colours]

    torch.manual_seed(0)
    made = reader(tower())
    optimizer = torch.optim.AdamW(made.tower.parameters(), lr=3e-3)
    for _ in range(200):
        drawn = [(episode(rule), red, red and rule) for rule, red in (torch.rand(32, 2) < 0.5).tolist()]
        asked = [(shots, Shown(None, picture(red)), violates) for shots, red, violates in drawn]
        rows = made.rows([made.row(post, shots, violates) for shots, post, violates in asked])
        pictures = [[*(shot.shown.picture for shot in shots), post.picture] for shots, post, _ in asked]
        logits, said = made.logits(rows, pictures)[:, :-1], rows.answers[:, 1:]
        loss = torch.nn.functional.cross_entropy(logits[said], rows.ids[:, 1:][said])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    rules = [number % 2 == 0 for number in range(20)]
    posts = [Shown(None, picture(True)) for _ in rules]
    told = [made.log_odds([post], episode(rule)).item() > 0 for post, rule in zip(posts, rules, strict=True)]
    untold = made.log_odds(posts, []) > 0
    assert sum(said == rule for said, rule in zip(told, rules, strict=True)) >= 18
    assert sum(said == rule for said, rule in zip(untold.tolist(), rules, strict=True)) <= 14
