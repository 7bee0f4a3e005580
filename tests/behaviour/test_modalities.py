import pytest

from infra.simulator import Modality

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("behaviour")]


def test_what_only_the_pair_shows_is_found_clearly_better_by_text_and_image_together(trained):
    together = trained().average_precision(Modality.PAIR)
    alone = [trained(modalities=(kind,)).average_precision(Modality.PAIR) for kind in ("text", "image")]
    assert together > max(alone) + 0.1


def test_masking_unknowns_beats_treating_them_as_negatives(trained):
    masked, negative = trained(), trained(unknown="negative")
    assert masked.macro_average_precision() > negative.macro_average_precision()
