"""Entries that lie outside the package: files of a project, and packages that are installed."""

from __future__ import annotations

import sys

import pytest

from infra.rollout import PLANS, plan_named
from models.domain import announced
from models.domain.catalogue import BrokenEntryError, UnknownEntryError
from models.objectives import OBJECTIVES
from models.policies import POLICY_SETS
from models.training.presets import PRESETS, preset_named
from tasks.gates import GATES
from tasks.plumbing.caching import code_digest

PRESET = "from models.domain.preset import compact\nPRESET = compact().replace(name={name!r}, width=32)\n"
GATE = """
from tasks.gates.base.gate import Check, Gate


def ask(evidence):
    return [Check(gate="tiny", subject="bundle", value=1.0, bound=2.0, passed=True, detail="1 of 2")]


GATE = Gate(name="tiny", title="Is it tiny?", checks=ask)
"""


def test_a_file_in_parts_is_an_entry_of_its_catalogue(project):
    project.write("parts/smaller.py", PRESET.format(name="smaller"))
    project.write("parts/tiny.py", GATE)
    assert preset_named("smaller,epochs=2").width == 32
    assert "smaller" in PRESETS.names()
    assert "smaller" not in GATES.names()
    assert [gate.name for gate in GATES if gate.name == "tiny"] == ["tiny"]


def test_a_part_may_use_what_lies_beside_it(project):
    project.write("parts/_width.py", "WIDTH = 40\n")
    text = PRESET.format(name="wide").replace("width=32", "width=WIDTH")
    project.write(
        "parts/wide.py",
        f"from ._width import WIDTH\nfrom moderato_project.parts._width import WIDTH as W\n{text}",
    )
    assert preset_named("wide").width == 40
    assert "_width" not in PRESETS.names()


def test_a_plan_and_a_policy_set_are_found_too(project):
    project.write("parts/gentle.py", "from infra.rollout.stages import PLANS\n"
                  "PLAN = PLANS['steady'].model_copy(update={'name': 'gentle'})\n")  # fmt: skip
    assert plan_named("gentle").stages == plan_named("steady").stages
    assert PLANS.names() == ["brief", "gentle", "steady"]
    assert POLICY_SETS["guidelines"].digest == POLICY_SETS["community_guidelines"].digest


BROKEN = [
    ("GATE = undefined\n", r"^parts/broken\.py:1: NameError: name 'undefined' is not defined; mend it"),
    ("\nimport nowhere\nGATE = 1\n", r"^parts/broken\.py:2: ModuleNotFoundError: No module named 'nowhere'"),
    ("GATE = (\n", r"^parts/broken\.py:1: '\(' was never closed; mend it"),
    ("import sys\nGATE = sys.exit(3)\n", r"^parts/broken\.py:2: SystemExit: 3"),
    ("GATE = 7\n", r"^parts/broken\.py:1 must announce GATE, a Gate; it has 7$"),
    (GATE, r"^parts/broken\.py:9 announces the name 'tiny'; name it as its file: 'broken'$"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_a_broken_part_is_told_in_one_line_where_it_is_needed_and_nowhere_else(project, text, told):
    project.write("parts/broken.py", text)
    assert "broken" in GATES.names()
    assert GATES["small_enough"].name == "small_enough"
    assert preset_named("compact")
    with pytest.raises(BrokenEntryError, match=told):
        GATES["broken"]
    with pytest.raises(BrokenEntryError, match=told):
        list(GATES)


def test_two_entries_of_a_name_are_refused_by_both_their_places(project):
    project.write("parts/small_enough.py", GATE.replace("tiny", "small_enough"))
    with pytest.raises(
        BrokenEntryError, match=r"2 gates are called 'small_enough': tasks\.gates\.small_enough and parts/"
    ):
        GATES["small_enough"]
    assert GATES["fast_enough"]


def test_an_unknown_name_lists_the_parts_as_well(project):
    project.write("parts/smaller.py", PRESET.format(name="smaller"))
    with pytest.raises(UnknownEntryError, match=r"choose one of: .*smaller"):
        preset_named("smalller")


def test_the_parts_of_another_project_are_other_modules(project, tmp_path, monkeypatch):
    project.write("parts/mine.py", PRESET.format(name="mine"))
    assert preset_named("mine").width == 32
    other = tmp_path / "other"
    (other / "parts").mkdir(parents=True)
    (other / "moderato.toml").write_text("")
    (other / "parts" / "mine.py").write_text(PRESET.format(name="mine").replace("32", "48"))
    monkeypatch.chdir(other)
    assert preset_named("mine").width == 48


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with entry points, as pip leaves one behind."""
    site = tmp_path / "site"
    about = site / "theirs-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(
        "[moderato.presets]\nnarrow = theirs\n[moderato.objectives]\nodd = theirs.odd\n"
    )
    (site / "theirs").mkdir()
    (site / "theirs" / "__init__.py").write_text(PRESET.format(name="narrow"))
    monkeypatch.syspath_prepend(str(site))
    announced._entry_points.cache_clear()
    yield site
    announced._entry_points.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        del sys.modules[name]


def test_an_installed_package_brings_entries(installed):
    assert preset_named("narrow").width == 32
    assert "odd" in OBJECTIVES.names()
    with pytest.raises(
        BrokenEntryError, match=r"^theirs\.odd: ModuleNotFoundError: No module named 'theirs\.odd'"
    ):
        OBJECTIVES["odd"]


def test_steps_are_done_again_where_a_part_changed(project):
    code_digest.cache_clear()
    before = code_digest()
    project.write("parts/tiny.py", GATE)
    code_digest.cache_clear()
    with_gate = code_digest()
    assert with_gate != before
    (project.folder / "word_lists").mkdir()
    project.write("word_lists/ostari.toml", '[negations]\nna = "nana"\n')
    code_digest.cache_clear()
    assert code_digest() != with_gate
    code_digest.cache_clear()
