"""Better texts for a corpus: a backbone captions its pictures, and keeps or replaces the words that came with them."""

from __future__ import annotations

from prefect import task

from infra.markdown import code, plain
from infra.settings import Settings
from infra.weights import NoWeightsError, fetch
from tasks.data.corpus import Corpus
from tasks.plumbing.artifacts import tell
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells

WORDS = {
    "kept": "kept their text",
    "replaced": "got another",
    "written": "had none and got one",
    "dropped": "lost it",
    "unseen": "show no picture",
}


@task(name="bootstrap", **PATIENT)
@tells(Corpus.story)
def bootstrap(settings: Settings, corpus: Corpus, backbone: str) -> Corpus:
    """Never cached, since an address like models:/moderato-backbone@latest moves; what is there is found by its id."""
    from models.data.snapshot import SnapshotRows
    from models.pretraining.recaption import bootstrap as better

    found = fetch(settings, backbone)
    if found is None:
        raise NoWeightsError("no backbone is named; make one with `moderato pretrain`")
    options = settings.options_for(corpus.uri)
    made = better(SnapshotRows.open(corpus.uri, options), found.folder, options)
    lines = [f"| {WORDS[what]} | {count:,} |" for what, count in made.became.items()]
    page = [
        f"Corpus {code(made.id)} of {code(corpus.id)} by {plain(backbone)}",
        "",
        "| posts | |",
        "|---|---:|",
        *lines,
    ]
    tell("bootstrapping", "\n".join(page), "what became of the texts beside pictures")
    return corpus.model_copy(update={"id": made.id, "uri": made.uri})
