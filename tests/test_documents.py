"""What the documents say is so."""

import ast
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.page import BLOCK, filled, pages
from tests.benchmarks.results import PUBLISHED, Results

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "models", "expectations", "infra")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
LONGEST_README = 8_000  # bytes; the rest has its page in docs
IMAGES = ROOT / "docs" / "images"
PICTURE = re.compile(r'!\[([^\]]*)\]\(([^)]+)\)|<img src="([^"]*)"[^>]*? alt="([^"]*)"')
PHONE = 358  # pixels that a page on a phone leaves for a drawing
SMALLEST_LETTERS = 10  # pixels


@pytest.fixture(scope="module")
def words():
    return "\n".join(page.read_text() for page in PAGES)


def named(path):
    """What a file of code names: itself and its rooms, classes, functions, arguments, fields, and words in quotes."""
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Constant(value=str(name)):
                yield name


def test_the_glossary_names_things_as_the_code_does():
    page = (ROOT / "docs" / "concepts.md").read_text()
    words = set(re.findall(r"`([\w-]+)`", page))
    code = {name for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py") for name in named(path)}
    assert len(words) > 40
    assert words - code == set()


def test_the_glossary_gives_a_word_one_meaning_and_the_page_that_says_more():
    rows = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs" / "concepts.md").read_text(), re.MULTILINE)
    terms = [re.fullmatch(r"\[(.+)\]\(([\w/-]+\.md)\)", row) for row in rows[2 : rows.index("who looks for")]]
    assert all(terms)
    assert len({term[1] for term in terms}) == len(terms)


def test_the_reference_is_what_the_code_says():
    """Asked in a process of its own: a command that was imported tells of itself in other words."""
    made = [sys.executable, "-m", "tests.support.reference", "--stale"]
    told = subprocess.run(made, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "", "make reference"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= LONGEST_README


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    pages = [page.relative_to(ROOT).as_posix() for page in PAGES if page.parent != ROOT]
    assert [page for page in pages if f"({page})" not in readme] == []


def anchors(page):
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)#?([^)\s]*)\)", page.read_text())
    places = [((page.parent / link) if link else page, anchor) for link, anchor in links]
    assert [place for place, _ in places if not place.exists()] == []
    assert [anchor for place, anchor in places if anchor and anchor not in anchors(place)] == []


def test_the_architecture_names_every_room_of_infra():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = page.partition("## The rooms of infra")[2].partition("##")[0]
    rooms = {path.name for path in (ROOT / "infra").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - set(re.findall(r"`(\w+)`", rows)) == set()


def test_every_picture_is_there_is_shown_and_is_said_in_words():
    shown = set()
    for page in PAGES:
        text = page.read_text()
        found = PICTURE.findall(text)
        assert len(found) == text.count("![") + text.count("<img"), f"{page.name}: a picture without words"
        assert [link for alt, link, _, said in found if not (alt or said)] == []
        shown |= {(page.parent / (link or source)).resolve() for _, link, source, _ in found}
    assert shown == {path.resolve() for path in IMAGES.iterdir()}


@pytest.mark.parametrize("drawing", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_drawings_are_read_on_a_phone_and_by_night(drawing):
    text = drawing.read_text()
    width = float(ET.fromstring(text).attrib["viewBox"].split()[2])
    letters = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)]
    assert min(letters) * min(1, PHONE / width) >= SMALLEST_LETTERS
    assert "@media (prefers-color-scheme: dark)" in text


def test_every_command_that_the_documents_name_exists(words):
    from flows.cli import app

    named = set(re.findall(r"(?:^|`)moderato ([a-z][a-z-]+)", words, re.MULTILINE))
    assert named - {name for name in app if not name.startswith("-")} == set()


def commands(page):
    """The words of each `moderato` in a page's blocks; of alternatives as pause|resume, each."""
    blocks = re.findall(
        r"^```(?:sh|console)\n(.*?)^```|^((?:    moderato .*\n)+)", page.read_text(), re.MULTILINE | re.DOTALL
    )
    for line in "".join(itertools.chain(*blocks)).replace(" && ", "\n").splitlines():
        command = re.split(r"\s{2,}|\s#\s", line.strip())[0]
        if command.startswith("moderato "):
            words = [word.split("|") for word in shlex.split(command)[1:]]
            yield from itertools.product(*words)


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda page: page.name)
def test_commands_are_taken_as_they_stand(page):
    from flows.cli import app

    for words in commands(page):
        app.parse_args(words, exit_on_error=False, print_error=False)


def test_blocks_of_commands_are_found():
    assert ("canary", "abort", "--reason", "…") in set(commands(ROOT / "docs" / "canary.md"))
    assert ("retrain", "--devices", "8") in set(commands(ROOT / "docs" / "distributed.md"))
    assert sum(len(list(commands(page))) for page in PAGES) > 50


def test_every_make_target_that_the_documents_name_exists(words):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", words)) <= targets


def test_the_tables_of_figures_are_those_of_their_file():
    results = Results.read(PUBLISHED)
    for page in pages():
        assert filled(page.read_text(), results) == page.read_text(), f"{page.name}: make figures"


def test_what_benches_tell_beside_their_figures_has_a_place():
    named = [block[1] for page in pages() for block in BLOCK.findall(page.read_text())]
    told = [name for name, result in Results.read(PUBLISHED).benches.items() if result.table]
    assert named.count("figures") == 1
    assert [name for name in told if f"table of {name}" not in named] == []
