"""The house has floors and doors: its files and its rooms form no circle, and rooms are entered by their doors."""

import ast
import tomllib
from pathlib import Path

import pytest
from house import House

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "models", "expectations", "infra")
HOUSE = House(ROOT, PACKAGES)
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# What is written aside takes its place in `models/process/atomic_write.py`; these rename something else.
RENAMES = {
    "models.process.atomic_write": "the one place",
    "infra.gateway.journal.journal": "a segment says by its name whether it grows; each of its lines is synced already",
    "infra.gateway.journal.journal_export": "a segment says by its name whether the lake may have it",
    "infra.platform.restore": "a home is swapped store by store, the databases last, and the old one is kept",
}


def told(circles):
    return "\n\n".join("\n".join(map(str, circle)) for circle in circles)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_files_form_a_circle(package):
    circles = HOUSE.circles(package)
    assert circles == [], told(circles)


@pytest.mark.parametrize("package", [*PACKAGES, "infra.gateway"])
def test_no_rooms_form_a_circle(package):
    circles = HOUSE.circles(package, depth=package.count(".") + 2)
    assert circles == [], told(circles)


def test_rooms_of_infra_are_entered_by_their_doors():
    past = HOUSE.past_the_door("infra")
    assert past == [], "\n".join(map(str, past))


def test_every_file_lies_in_the_house():
    assert len(HOUSE.modules) > 400
    assert len(HOUSE.arrows) > 2000


@pytest.mark.parametrize("package", ["models", "tasks"])
def test_every_room_has_its_floor(package):
    """A room that no contract names would lie on every floor."""
    floors = next(contract["layers"] for contract in CONTRACTS if contract.get("containers") == [package])
    named = {room.strip() for floor in floors for room in floor.replace("|", ":").split(":")}
    assert named == {module.split(".")[1] for module in HOUSE.modules if module.startswith(f"{package}.")}


def renames(text):
    """Lines on which something is renamed; `replace` of a path has one argument, that of a text has two."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("os"), attr="replace" | "rename" | "renames")):
                yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name("shutil"), attr="move")):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="replace" | "rename"), args=[_], keywords=[]):
                yield node.lineno
            case ast.ImportFrom(module="os" | "shutil", names=names):
                yield from (
                    node.lineno for it in names if it.name in {"replace", "rename", "renames", "move"}
                )


def test_what_is_written_aside_takes_its_place_in_one_module():
    found = {module: list(renames(path.read_text())) for module, path in HOUSE.modules.items()}
    others = [
        f"{module}:{line}" for module, lines in found.items() if module not in RENAMES for line in lines
    ]
    assert others == [], "use models.process.atomic_write, which syncs: " + ", ".join(others)
    assert all(found[module] for module in RENAMES), (
        "a module that renames nothing any more stays in the list"
    )


def test_a_rename_is_known_in_each_of_its_spellings():
    spelled = (
        "partial.replace(path)\npath.rename(path.with_suffix('.a'))\nos.replace(a, b)\nshutil.move(a, b)\n"
        "from os import replace\n"
        "text.replace('a', 'b')\npreset.replace(**changes)\nreplace(lake, session=1)\ntime.replace(fold=1)\n"
    )
    assert sorted(renames(spelled)) == [1, 2, 3, 4, 5]


@pytest.fixture
def drawn(tmp_path):
    """A house of these files."""

    def build(**files):
        for name, text in {"a/__init__": "", **files}.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return House(tmp_path, ("a",))

    return build


def test_a_circle_is_told_by_its_arrows_and_nothing_beside_it(drawn):
    house = drawn(**{
        "a/one/__init__": "",
        "a/one/x": "import a.two.y\n",
        "a/two/__init__": "",
        "a/two/y": "def later():\n    from a.one import z\n",
        "a/one/z": "import os\n",
        "a/three": "from a.one.x import thing\n",
    })  # fmt: skip
    assert house.circles("a") == []
    assert told(house.circles("a", depth=2)) == (
        "a/one/x.py:1: a.one.x -> a.two.y\na/two/y.py:2: a.two.y -> a.one.z"
    )


def test_an_import_for_annotations_alone_is_no_arrow(drawn):
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.two import Y\n"
    assert drawn(**{"a/one": types, "a/two": "from a.one import X\n"}).circles("a") == []


def test_a_door_shows_names_and_the_modules_that_it_lists(drawn):
    house = drawn(**{
        "a/room/__init__": "from a.room.inner import story\n__all__ = ['story']\nPUBLIC = ('heavy',)\n",
        "a/room/inner": "story = hidden = 1\n",
        "a/room/story": "",
        "a/room/heavy": "from a.room.inner import hidden\n",
        "a/fine": "from a.room import story, heavy\nfrom a.room.heavy import hidden\n",
        "a/rude": "from a.room.inner import hidden\n",
    })  # fmt: skip
    assert [str(arrow) for arrow in house.past_the_door("a")] == [
        "a/rude.py:1: a.rude -> a.room.inner (hidden)"
    ]
