"""What names a module of the release before goes on working: registered versions, parts, presets and kept results."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from models.domain.preset import compact
from models.network.network import Network
from models.process.former_names import MODULES, SYMBOLS, present

# what MLflow kept beside a bundle of then, and runs to load it
LOADER = """
from pathlib import Path
from infra.registry.frames import predicted
from models.serving.bundle import Bundle
from models.serving.manifest import verify
"""
PART = """
from models.encoder import Blueprint, Encoder
from models.encoders.compact import SubwordCnn
from models.objective import OBJECTIVES, Supervised, supervised
from models.preset import PRESETS, compact, preset_named
from tasks.gate import Check, Gate
from infra.sources.jsonl import SOURCE
from infra.gateway.journal import Journal
from models.network import Network
from models.network import captions
from models.pretraining.self_supervised import Lesson
import models.towers as towers
towers.Plain
"""


@pytest.mark.parametrize("former", MODULES)
def test_each_has_a_place_now(former):
    package, _, rest = MODULES[former].partition(".")
    (root,) = find_spec(package).submodule_search_locations
    place = Path(root, *rest.split("."))
    assert place.is_dir() or place.with_suffix(".py").is_file()


def test_no_name_leads_to_another_former_one():
    assert [name for name in (*MODULES.values(), *SYMBOLS.values()) if present(name) != name] == []


@pytest.mark.parametrize("former", SYMBOLS)
def test_each_name_that_moved_is_there(former):
    module, _, name = SYMBOLS[former].rpartition(".")
    if module == "infra.ray.parcel":
        pytest.importorskip("ray")
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize("program", [LOADER, PART], ids=["loader", "part"])
def test_code_of_the_release_before_imports_what_it_did(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_former_name_gives_what_has_its_place_now_and_says_so():
    with pytest.warns(DeprecationWarning, match=r"^models\.preset is models\.domain\.preset now$"):
        import models.preset as former
    assert former.compact is compact
    with pytest.raises(ImportError, match="cannot import name 'compacter'"):
        from models.preset import compacter  # noqa: F401


def test_a_package_that_a_module_became_gives_what_that_held():
    with pytest.warns(
        DeprecationWarning, match=r"^models\.network\.Network is models\.network\.network\.Network now$"
    ):
        from models.network import Network as Former
    assert Former is Network


def test_what_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'models\.nothing'"):
        import models.nothing  # noqa: F401
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        from models.network import Nothing  # noqa: F401


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("models.pretraining.self_supervised.Lesson", "models.objectives.base.self_supervised.ObjectiveHead"),
        ("models.serving.bundle.Bundle", "models.bundle.bundle.Bundle"),
        ("models.preset.preset_named", "models.training.presets.preset_named"),
        ("tasks.train.Candidate", "tasks.training.train.Candidate"),
        ("flows.wasteful", "flows.demo.wasteful"),
        ("models.policies", "models.policies"),
        ("json.dumps", "json.dumps"),
    ],
)
def test_a_dotted_name_is_brought_up_to_now(former, now):
    assert present(former) == now
