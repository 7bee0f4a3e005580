"""Cuts and mirrors of a batch's pictures, which a step draws anew."""

import pytest
import torch

from models.data.loader import Batch
from models.domain.preset import PresetError
from models.pretraining.views import draws, viewed
from models.training.presets import preset_named

SIZE = 32
WHOLE = preset_named("clip", image_size=SIZE, crop_area=1)


def batch():
    """Three posts: a picture, a picture and a video of two frames, nothing. The pictures lie in another order."""
    rows = torch.linspace(-1, 1, SIZE).expand(4, 3, SIZE, SIZE)
    return Batch(
        input_ids=torch.ones(3, 4, dtype=torch.int64),
        attention_mask=torch.ones(3, 4, dtype=torch.int64),
        pixels=rows.clone(),
        image_index=torch.tensor([3, 0, -1]),
        frame_index=torch.tensor([[-1, -1], [1, 2], [-1, -1]]),
        text_embedding=torch.zeros(3, 0),
        picture_embedding=torch.zeros(3, 0),
        targets=torch.zeros(3, 1),
        weights=torch.zeros(3, 1),
        total=torch.zeros(()),
    )


def test_a_preset_that_cuts_nothing_leaves_the_pixels_alone():
    assert torch.equal(viewed(batch(), draws(3, 0), WHOLE).pixels, batch().pixels)


def test_a_cut_of_nearly_all_of_a_picture_is_nearly_the_picture():
    found = viewed(batch(), draws(3, 0), WHOLE.replace(crop_area=1 - 1e-6)).pixels
    assert torch.allclose(found, batch().pixels, atol=1e-3)


def test_a_picture_and_the_frames_of_a_post_are_cut_alike_and_those_of_another_otherwise():
    found = viewed(batch(), draws(3, 0), WHOLE.replace(crop_area=0.3)).pixels
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert not torch.allclose(found[0], found[3], atol=0.02)


def test_a_cut_shows_at_least_the_area_that_the_preset_asks_for():
    ramps = batch()
    across, down = ramps.pixels, ramps.pixels.transpose(2, 3)
    for seed in range(20):
        drawn = draws(3, seed)
        wide, high = (
            viewed(ramps._replace(pixels=pixels), drawn, WHOLE.replace(crop_area=0.5)).pixels
            for pixels in (across, down)
        )
        width, height = wide[:, 0, 0, -1] - wide[:, 0, 0, 0], high[:, 0, -1, 0] - high[:, 0, 0, 0]
        assert (width * height / 4 > 0.45).all()  # the outermost half pixels are not seen


def test_half_of_the_posts_are_mirrored_where_it_is_asked():
    one = batch()
    many = one._replace(
        pixels=one.pixels[:1].expand(400, -1, -1, -1),
        image_index=torch.arange(400),
        frame_index=torch.full((400, 2), -1),
    )
    found = viewed(many, draws(400, 0), WHOLE.replace(mirror=True)).pixels
    turned = (found[:, 0, 0, 0] > 0).float().mean()
    assert 0.4 < turned < 0.6


def test_a_batch_without_pictures_is_left_as_it_is():
    none = batch()._replace(
        pixels=torch.zeros(0, 3, SIZE, SIZE),
        image_index=torch.full((3,), -1),
        frame_index=torch.full((3, 2), -1),
    )
    assert len(viewed(none, draws(3, 0), WHOLE.replace(crop_area=0.5)).pixels) == 0


def test_a_share_that_is_none_says_so():
    with pytest.raises(PresetError, match="crop_area of preset clip is '0'"):
        preset_named("clip,crop_area=0")
