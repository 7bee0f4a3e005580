"""`import moderato`: what it gives, what it loads, and what it says where a folder of the user's hides our packages."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import lance
import pandas as pd
import pytest
from lake_rows import judgement, post, put
from tiny_model import POLICIES

import moderato
from infra.lake import open_lake
from infra.registry import Registry, UnknownVersionError

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
FACE = ROOT / "infra" / "face"
HEAVY = ("mlflow", "prefect", "torch", "lance", "onnxruntime", "fastapi", "pandas")


def python(program, folder, *flags):
    """A program in an interpreter of its own that starts in a folder."""
    program = f"import sys; sys.path += [{str(FACE)!r}, {str(ROOT)!r}]; {program}"
    command = [sys.executable, *flags, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_import_is_quick_and_brings_nothing_heavy(tmp_path):
    done = python(f"import moderato; print([m for m in {HEAVY} if m in sys.modules])", tmp_path)
    assert done.stdout == "[]\n", done.stderr


def test_everything_that_it_names_is_there():
    assert all(hasattr(moderato, name) for name in moderato.__all__)


@pytest.mark.parametrize("name", ["models/__init__.py", "infra.py", "models.py", "infra/notes.txt"])
def test_a_users_own_package_of_our_name_is_told(tmp_path, name):
    """In a notebook or a script's folder, Python looks there first."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine = True\n")
    shadowed = python("import moderato", tmp_path)
    hidden = name != "infra/notes.txt"  # a folder without Python's mark does not hide a package
    assert ("stands in its place: rename that one" in shadowed.stderr) == hidden, shadowed.stderr
    safe = python("import moderato; print(moderato.Client.__name__)", tmp_path, "-P")
    assert safe.stdout == "Client\n", safe.stderr


def test_a_champion_a_version_and_a_folder_are_loaded_alike(home):
    champion = moderato.load(settings=home)
    assert (
        repr(champion) == f"<version 1 of moderato: {len(POLICIES)} policies, predict(texts or a data frame)>"
    )
    scores = champion.predict(["violence violence", "plain1"])
    assert [*scores.columns] == [*POLICIES, "action", "unread"]
    assert scores["violence"][0] > 0.5 > scores["violence"][1]
    frame = pd.DataFrame({"text": ["violence violence", "plain1"], "market": ["DE", "US"]}, index=["a", "b"])
    registry = Registry(home)
    folder = registry.fetch(registry.resolve("1"))
    for other in (moderato.load("1", home), moderato.load(folder), moderato.load(str(folder))):
        found = other.predict(frame)
        assert found.index.tolist() == ["a", "b"]
        assert found["violence"].tolist() == scores["violence"].tolist()


def test_a_model_that_there_is_not_is_told_with_those_that_there_are(home):
    with pytest.raises(UnknownVersionError, match="did you mean '1 \\(champion\\)'"):
        moderato.load("champon", home)


def test_the_lake_opens_as_tables(settings):
    put(open_lake(settings), [post(1)], [judgement("post-1", violates=True)])
    table = moderato.lake(settings).posts.open()
    assert isinstance(table, lance.LanceDataset)
    assert table.count_rows() == 1


def test_the_notebook_runs(gateway, monkeypatch, capsys):
    """Its cells, one after another, against a gateway and a lake with a few judged posts."""
    put(open_lake(gateway.settings), [post(n) for n in range(3)], [judgement("post-1", violates=True)])
    monkeypatch.setenv("MODERATO_HOME", str(gateway.settings.home))
    monkeypatch.setenv("MODERATO_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("MODERATO_KEY", gateway.key)
    told = json.loads(NOTEBOOK.read_text())
    cells = ["".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == "code"]
    names = {}
    for cell in cells:
        exec(compile(cell, NOTEBOOK.name, "exec"), names)
    assert names["scores"]["action"].tolist() == ["allow", "allow"]
    assert names["judgements"]["violates"].tolist() == [True]
    assert names["decision"].model_version == "1"
    assert [found.flagged for found in names["several"]] == [False, False]
    assert all(not cell.get("outputs") for cell in told["cells"])  # nobody's posts are kept in it


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What a build sees: the packages, and the files beside them."""
    folder = tmp_path_factory.mktemp("source")
    for package in ("flows", "tasks", "models", "expectations", "infra"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, folder / file)
    return folder


def built(source, kind):
    """The wheel that setuptools makes, opened."""
    pytest.importorskip("setuptools")
    program = f"from setuptools.build_meta import build_{kind}; build_{kind}('dist-{kind}')"
    subprocess.run([sys.executable, "-c", program], cwd=source, check=True, capture_output=True)
    (wheel,) = (source / f"dist-{kind}").glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.mark.slow
def test_the_wheel_holds_the_face_under_its_own_name(source, tmp_path):
    with built(source, "wheel") as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path)
    assert "moderato/__init__.py" in names
    assert {name.partition("/")[0] for name in names if not name.startswith("moderato-")} == {
        "flows", "tasks", "models", "expectations", "infra", "moderato",
    }  # fmt: skip
    assert [name for name in names if name.startswith("infra/face")] == []
    beside = {
        str(path.relative_to(source)) for path in (source / "infra").rglob("*.*") if path.suffix != ".py"
    }
    left_out = {name for name in beside - {*names} if not name.startswith("infra/containers/")}
    assert left_out == set(), "templates and other files that code reads"
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import moderato; print(moderato.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(tmp_path / "moderato" / "__init__.py"), done.stderr


@pytest.mark.slow
def test_an_editable_installation_finds_it_too(source):
    with built(source, "editable") as wheel:
        (finder,) = [name for name in wheel.namelist() if name.endswith("finder.py")]
        text = wheel.read(finder).decode()
    assert f"'moderato': {str(source / 'infra' / 'face' / 'moderato')!r}" in text
