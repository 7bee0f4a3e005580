"""Blocks of what a frozen encoder says of pictures and videos, on maps that are made up here, and the linear model."""

import numpy as np
import pytest
import torch

from models.layers.embedding_probe import EmbeddingProbe, blocks_of
from models.layers.visual import Visual

MODALITIES = ("text", "image", "video")


class Means(torch.nn.Module):
    """Maps of two layers: the pixels, and twice the first of their channels."""

    channels = (3, 1)

    def forward(self, pixels):
        return [pixels, 2 * pixels[:, :1]]


def grey(*levels):
    """Pictures [M, 3, 4, 4] of one level each."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 4, 4)


def test_what_is_seen_and_how_much_each_layer_changes_stand_in_blocks_of_their_own():
    visual = Visual(Means(), MODALITIES)
    assert visual.widths == (2, 2, 7, 3)  # of the picture; of the video, and of the changes in both layers
    found = visual(grey(0.5, 0.0, 0.25, 0.75), torch.tensor([0]), torch.tensor([[1, 2, 3]]))
    picture, video, first, last = found.split(visual.widths, dim=1)
    assert picture[0].tolist() == pytest.approx([1, 1.0])
    assert video[0].tolist() == pytest.approx([1, 2 / 3])
    assert first[0].tolist() == pytest.approx([1, 0.375, 0.375, 0.375, 0.25, 0.25, 0.25])
    assert last[0].tolist() == pytest.approx([1, 0.75, 0.5])


def test_a_post_without_a_picture_is_silent_and_one_frame_does_not_change():
    visual = Visual(Means(), MODALITIES)
    places = torch.tensor([[-1, -1], [0, -1]])
    found = visual(grey(0.5), torch.full((2,), -1), places)
    assert not found[0].any()
    picture, video, first, last = found[1].split(visual.widths)
    assert not picture.any()
    assert not first.any()
    assert not last.any()
    assert video.tolist() == pytest.approx([1, 1.0])
    nothing = visual(torch.zeros(0, 3, 4, 4), torch.full((2,), -1), torch.full((2, 2), -1))
    assert not nothing.any()


def test_a_change_is_not_counted_across_two_videos():
    visual = Visual(Means(), ("video",))
    alone = visual(grey(0.5, 0.5), torch.tensor([-1]), torch.tensor([[0, 1]]))
    after = visual(grey(-1.0, -1.0, 0.5, 0.5), torch.full((2,), -1), torch.tensor([[0, 1], [2, 3]]))
    assert torch.equal(after[1], alone[0])


def test_the_weights_of_scaled_blocks_say_the_same_of_rows_as_they_are():
    rng = np.random.default_rng(0)
    rows = rng.normal(3, 2, size=(40, 7)).astype(np.float32)
    rows[:, [0, 3]] = 1
    rows[:10, :3], rows[30:, 3:] = 0, 0
    blocks = blocks_of(rows, (3, 4))
    assert [block.there.sum() for block in blocks] == [30, 30]
    assert not blocks[0].features[:10].any()
    assert not blocks[1].features[30:].any()
    points = [rng.normal(size=(block.features.shape[1] + 1, 2)) for block in blocks]
    expected = sum(block.features @ point[:-1] for block, point in zip(blocks, points, strict=True))
    probe = EmbeddingProbe(7, 2)
    probe.weight += torch.from_numpy(
        np.concatenate([block.undone(point) for block, point in zip(blocks, points, strict=True)])
    )
    assert probe(torch.from_numpy(rows)).numpy() == pytest.approx(expected, abs=1e-4)
