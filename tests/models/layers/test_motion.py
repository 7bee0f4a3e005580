"""What moves in videos, and the linear model of it."""

import numpy as np
import pytest
import torch

from models.layers.motion import FIELDS, Motion, changes, fitted, summary
from models.network.network import Network
from models.training.presets import preset_named

GRAPHIC, DULL = 0, 1


def films(shaken):
    """Videos of four frames [N, 4, 3, 64, 64] that flicker in the first field, as much as each is `shaken`."""
    frames = torch.zeros(len(shaken), 4, 3, 64, 64)
    frames[:, 1::2, :, :16, :16] = torch.as_tensor(shaken, dtype=torch.float32)[:, None, None, None, None]
    return frames.flatten(0, 1), torch.arange(4 * len(shaken)).view(-1, 4)


def test_a_field_that_flickers_is_told_from_those_that_are_still():
    found, there = changes(*films([0.5]))
    assert there.all()
    assert found[0, :, 0].tolist() == pytest.approx([0.5] * 3)
    assert not found[0, :, 1:].any()


def test_a_post_without_two_frames_does_not_move():
    pixels, index = films([0.5, 0.5])
    index[1, 1:] = -1
    found, moves = summary(pixels, index)
    assert moves.tolist() == [True, False]
    motion = Motion(2)
    motion.weights += 1
    assert motion(pixels, index)[0].all()
    assert not motion(pixels, index)[1].any()
    assert found.isfinite().all()


def test_what_motion_tells_is_learned_and_what_it_does_not_is_left_alone():
    rng = np.random.default_rng(0)
    shaken = rng.random(200)
    targets = np.stack([shaken > 0.5, rng.random(200) > 0.5], axis=1).astype(np.float32)
    targets[::7] = np.nan
    summaries = summary(*films(shaken))[0].numpy()
    prior = np.zeros(2, np.float32)
    motion = Motion(2)
    motion.load_state_dict(fitted(summaries, targets, np.ones_like(targets), prior))
    calm, wild = motion(*films([0.1, 0.9]))
    assert wild[GRAPHIC] > 1 > -1 > calm[GRAPHIC]
    assert abs(wild[DULL]) < 0.3


def test_without_videos_nothing_is_learned():
    nothing = np.zeros((0, 2 * FIELDS**2), np.float32), *[np.zeros((0, 2), np.float32)] * 2
    assert fitted(*nothing, np.zeros(2, np.float32)) == {}


def test_motion_is_added_to_posts_with_a_video_alone():
    preset = preset_named("video,image_size=64,frames=4,ngram_bits=0,width=16,heads=2,layers=1")
    network = Network(preset, 2, torch.ones(300, 1, dtype=torch.int64)).eval()
    pixels, index = films([0.5])
    index = torch.cat([index, torch.full_like(index, -1)])
    ids = torch.ones(2, 5, dtype=torch.int64)
    inputs = (ids, ids, pixels, torch.full((2,), -1), index)
    before = network(*inputs)
    network.motion.weights += 1
    after = network(*inputs)
    assert (after[0] > before[0]).all()
    assert torch.equal(after[1], before[1])
