"""One suite over the objectives that learn from posts alone, with every family that can, in small configurations."""

import pytest
import torch

from models.data.loader import Batch
from models.data.tokenizer import pieces, train_tokenizer
from models.encoders import ENCODERS
from models.network.backbone import Backbone
from models.pretraining.module import BackboneInTraining
from models.pretraining.objective_mix import ObjectiveError, choices, syllabus

pytestmark = pytest.mark.slow

TOKENIZER = train_tokenizer(["a quiet walk by the lake", "tea with friends"] * 3, 300)
PIECES = torch.from_numpy(pieces(TOKENIZER))
POSTS, LENGTH = 8, 6


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than networks as small as these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(family):
    fields = {
        "width": 32,
        "layers": 2,
        "image_size": 32,
        "dropout": 0.0,
        "token_dropout": 0.0,
        "max_tokens": 16,
    }
    return ENCODERS[family].preset().replace(**fields)


def able(objective, family):
    try:
        syllabus(small(family), [objective])
    except ObjectiveError:
        return False
    return True


PAIRS = [
    (objective, family) for objective in choices() for family in ENCODERS.names() if able(objective, family)
]


def pupil(objective, family):
    torch.manual_seed(0)
    taught = syllabus(small(family), [objective])
    return BackboneInTraining(Backbone(small(family), PIECES, writes=taught.writes), taught, TOKENIZER)


def batch():
    """Each with its own words and its own picture."""
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(2, len(PIECES), (POSTS, LENGTH), generator=rng)
    mask = (torch.arange(LENGTH) < torch.tensor([6, 5, 4, 3, 6, 5, 4, 3])[:, None]).long()
    colours = torch.rand(POSTS, 3, 4, 4, generator=rng) * 2 - 1
    return Batch(
        input_ids=ids * mask,
        attention_mask=mask,
        pixels=torch.nn.functional.interpolate(colours, (32, 32)),
        image_index=torch.arange(POSTS),
        frame_index=torch.full((POSTS, 8), -1),
        text_embedding=torch.zeros(POSTS, 0),
        picture_embedding=torch.zeros(POSTS, 0),
        targets=torch.full((POSTS, 1), float("nan")),
        weights=torch.zeros(POSTS, 1),
        total=torch.zeros(()),
    )


def surprise(made, posts):
    torch.manual_seed(1)
    for lesson in made.lessons.values():
        if hasattr(lesson, "filled"):
            lesson.filled.zero_()  # a queue that grows makes the same question harder
    return made.loss(made(posts))


@pytest.mark.parametrize(("objective", "family"), PAIRS)
def test_it_learns_a_batch_by_heart(objective, family):
    made, posts = pupil(objective, family), batch()
    optimizer = torch.optim.AdamW([p for p in made.parameters() if p.requires_grad], lr=2e-3)
    losses = []
    for _ in range(12):
        loss = surprise(made, posts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.isfinite(p.grad).all() for p in made.parameters() if p.grad is not None)
    assert any(p.grad is not None and p.grad.any() for p in made.backbone.towers.parameters())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("objective", "family"), PAIRS)
def test_what_a_post_lacks_counts_for_nothing(objective, family):
    made, posts = pupil(objective, family), batch()
    neither = posts._replace(
        attention_mask=posts.attention_mask * 0,
        image_index=posts.image_index * 0 - 1,
        pixels=posts.pixels[:0],
    )
    loss = surprise(made, neither)
    loss.backward()
    assert loss.item() == 0
    assert not any(p.grad is not None and p.grad.any() for p in made.parameters())
