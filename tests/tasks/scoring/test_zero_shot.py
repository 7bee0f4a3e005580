"""Scores of policies from a backbone, by the command that people give; the backbone's weights are random."""

import json

import pyarrow.parquet as pq
import pytest
import torch
from lake_rows import invented, judgement, post, put

from flows.cli import app
from infra.batch_scoring.examples import TooFewExamplesError
from infra.weights import NoWeightsError
from models.data.tokenizer import pieces, train_tokenizer
from models.network.backbone import Backbone
from models.network.backbone_folder import About, NotABackboneError
from models.policies import POLICY_SETS
from models.prompting.embedding import NotAlignedError
from models.training.presets import preset_named
from tasks.scoring.zero_shot import NoSuchPolicyError

POLICIES = POLICY_SETS["community_guidelines"].keys
PRESET = preset_named("clip,width=32,layers=1,image_size=32,patch_size=16,max_tokens=16,vocabulary=400")


READER = preset_named("flamingo,width=32,layers=2,image_size=32,patch_size=16,max_tokens=96,vocabulary=400")


def made(folder, preset=PRESET, *, aligned=True, writes=False):
    tokenizer = train_tokenizer([invented(number) for number in range(60)], preset.vocabulary)
    torch.manual_seed(0)
    backbone = Backbone(preset, torch.from_numpy(pieces(tokenizer)), writes=writes)
    about = About(
        preset=preset, objectives={"any": 1.0}, corpus="none", seed=0, aligned=aligned, writes=writes
    )
    backbone.save(folder, tokenizer, about)
    return folder


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return made(tmp_path_factory.mktemp("backbones") / "random")


@pytest.fixture
def posts(tmp_path):
    path = tmp_path / "posts.jsonl"
    lines = [{"post_id": f"post-{number}", "text": invented(number)} for number in range(5)]
    path.write_text("\n".join(map(json.dumps, [*lines, {"post_id": "empty"}])))
    return path


def score(posts, backbone, *arguments):
    output = posts.with_suffix(".parquet")
    app(
        ["zero-shot", str(posts), str(output), "--backbone", str(backbone), *arguments],
        result_action="return_value",
    )
    return pq.read_table(output)


def test_every_post_has_a_score_for_each_policy(posts, backbone, capsys):
    found = score(posts, backbone)
    assert found.column_names == ["post_id", *POLICIES]
    assert found["post_id"].to_pylist() == [f"post-{number}" for number in range(5)]
    scores = [value for policy in POLICIES for value in found[policy].to_pylist()]
    assert all(0 < value < 1 for value in scores)
    assert len(set(scores)) > 5
    said = capsys.readouterr()
    assert "scored 5 posts for 12 policies by their words" in said.out
    assert "empty_post" in said.err


def test_examples_of_the_lake_move_the_scores_of_one_policy(posts, backbone, lake, capsys):
    rows = [post(number + 20) for number in range(6)]
    judged = [judgement(row["post_id"], violates=place < 3) for place, row in enumerate(rows)]
    put(lake, rows, judged)
    words = score(posts, backbone, "--policy", "hate_speech")
    capsys.readouterr()
    few = score(posts, backbone, "--policy", "hate_speech", "--shots", "3", "--json")
    assert words.column_names == few.column_names == ["post_id", "hate_speech"]
    assert words["hate_speech"] != few["hate_speech"]
    told = json.loads(capsys.readouterr().out)
    assert (told["shots"], told["policies"], told["posts"]) == (3, ["hate_speech"], 5)
    with pytest.raises(TooFewExamplesError, match="--shots 4 needs 4 of each"):
        score(posts, backbone, "--policy", "hate_speech", "--shots", "4")


def test_a_flamingo_reads_the_examples_of_the_lake_before_each_post(posts, lake, tmp_path, capsys):
    reader = made(tmp_path / "flamingo", READER, aligned=False, writes=True)
    rows = [post(number + 20) for number in range(4)]
    put(lake, rows, [judgement(row["post_id"], violates=place < 2) for place, row in enumerate(rows)])
    asked = ("--policy", "hate_speech", "--shots")
    one, two = (score(posts, reader, *asked, str(shots))["hate_speech"].to_pylist() for shots in (1, 2))
    assert len(one) == 5
    assert all(0 < value < 1 for value in (*one, *two))
    assert len(set(one)) > 1
    assert one != two
    with pytest.raises(NotAlignedError, match="moderato pretrain --objectives contrastive"):
        score(posts, reader, "--policy", "hate_speech")


def test_what_cannot_be_says_what_can(posts, backbone, tmp_path):
    with pytest.raises(NoSuchPolicyError, match="choose one of: hate_speech"):
        score(posts, backbone, "--policy", "luck")
    with pytest.raises(NoWeightsError, match="no weights at"):
        score(posts, "models:/moderato-backbone@latest")
    with pytest.raises(NotAlignedError, match="moderato pretrain --objectives contrastive"):
        score(posts, made(tmp_path / "unaligned", aligned=False))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    with pytest.raises(NotABackboneError):
        score(posts, tmp_path / "other")
    assert not list(tmp_path.glob(".posts.parquet*"))
