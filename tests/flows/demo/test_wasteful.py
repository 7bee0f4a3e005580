"""The demo's slow model: it computes what compact does, and work in vain beside it once it serves."""

import pytest

from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.presets import job_on
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

QUICK = "trial,modalities=text,vocabulary=300,ngram_bits=0,width=16,epochs=1,minimum_steps=5"


@pytest.mark.slow
def test_it_is_exported_with_its_waste_and_scores_as_compact_does(tmp_path):
    uri = write_snapshot(tmp_path, made_up_rows(120))
    models = {
        name: fit(
            job_on(uri, preset=f"{QUICK},text_encoder={name}", seed=0, folder=tmp_path / name, threads=1)
        ).model
        for name in ("compact", "flows.demo.wasteful")
    }
    texts = ["a quiet walk by the lake", "tea with glimmer"]
    found = {name: Scorer.load(model).logits(texts, [None] * 2, [None] * 2) for name, model in models.items()}
    assert found["flows.demo.wasteful"] == pytest.approx(found["compact"], abs=1e-4)
    sizes = {
        name: sum(file.stat().st_size for file in model.rglob("*.onnx*")) for name, model in models.items()
    }
    assert sizes["flows.demo.wasteful"] > sizes["compact"] + 768 * 768 * 4  # the matrix that it multiplies by
