"""Every bench keeps to the frame, and the file behind the docs' tables knows it as it is."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHES
from tests.benchmarks.measure import loaded
from tests.benchmarks.results import PUBLISHED, Results

FILES = sorted(BENCHES.glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bench_says_what_it_measures_beside_what(file: Path):
    bench, about = loaded(file)
    assert about
    assert bench.figures
    assert len({figure.name for figure in bench.figures}) == len(bench.figures)
    for figure in bench.figures:
        assert figure.name
        assert figure.beside
        assert figure.unit
        assert (figure.aim.at_least, figure.aim.at_most) != (None, None)
    recorded = [it.figure for it in Results.read(PUBLISHED).benches[file.stem].seen]
    news = f"figures or aims are others than in {PUBLISHED.name}: `make bench WHAT={file.stem}`, then `make figures`"
    assert recorded == list(bench.figures), news


def test_processes_that_a_bench_starts_find_its_functions():
    bench, _ = loaded(BENCHES / "judge.py")
    assert pickle.loads(pickle.dumps(bench.measure)) is bench.measure


def test_the_docs_have_every_bench_and_no_other():
    assert sorted(Results.read(PUBLISHED).benches) == [file.stem for file in FILES]
