"""A folder and a prefix of S3 are read alike, and only one module knows which of them an address is."""

import ast
from pathlib import Path

import pytest
from pyarrow.fs import FileSelector

from infra.objects import Prefix, arrow_file_system, is_s3, store_at
from infra.settings import Settings
from tests.support.house import House

ROOT = Path(__file__).parents[2]
FILES = {"a.txt": b"first", "deep/b.txt": b"second"}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "given"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return Settings(home=tmp_path / "home", _env_file=None), str(root)


@pytest.fixture
def prefix(s3_server, tmp_path):
    settings = s3_server.settings(tmp_path / "home")
    bucket = s3_server.bucket(settings)
    for name, content in FILES.items():
        bucket.write(f"given/{name}", content)
    bucket.write("given-other/c.txt", b"another")
    return settings, f"s3://{bucket.bucket}/given"


@pytest.fixture(params=["folder", pytest.param("prefix", marks=pytest.mark.s3)])
def stored(request):
    """Settings and the address of the same files, in a folder or under a prefix."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("end", ["", "/"])
def test_what_lies_at_an_address_is_read_by_its_key(stored, end):
    settings, address = stored
    store = store_at(settings, address + end)
    assert {name: store.read(name, 100) for name in FILES} == FILES
    assert store.read("a.txt", 3) == b"fir"


@pytest.mark.parametrize("key", ["nothing.txt", "deep"])
def test_what_is_not_there_or_a_folder_is_no_file(stored, key):
    settings, address = stored
    with pytest.raises(FileNotFoundError):
        store_at(settings, address).read(key, 100)


def test_pyarrow_finds_the_same_files(stored):
    settings, address = stored
    path, system = arrow_file_system(settings, address)
    assert (system is None) is not is_s3(address)
    if system is not None:
        found = system.get_file_info(FileSelector(path, recursive=True))
        assert {info.path.removeprefix(f"{path}/") for info in found if info.is_file} == set(FILES)


@pytest.mark.s3
def test_a_prefix_lists_its_own_objects_or_the_one_whose_key_it_is(prefix):
    settings, address = prefix
    assert {entry.key for entry in Prefix.of(settings, address).list()} == set(FILES)
    one = Prefix.of(settings, f"{address}/a.txt")
    assert [one.whole(entry.key) for entry in one.list()] == ["given/a.txt"]
    whole = Prefix.of(settings, f"s3://{one.objects.bucket}")
    assert {entry.key for entry in whole.list()} == {"given/a.txt", "given/deep/b.txt", "given-other/c.txt"}


def clients(text):
    """Lines that make a client of S3, or look for its scheme in an address."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names) if any(it.name.split(".")[0] == "boto3" for it in names):
                yield node.lineno
            case ast.ImportFrom(module="boto3" | "pyarrow.fs") | ast.Constant(value="s3://"):
                yield node.lineno


def test_no_other_module_knows_s3():
    """`infra.settings` names the scheme, because Lance's options are asked of it."""
    found = {
        module: list(clients(path.read_text()))
        for module, path in House(ROOT, ("models", "infra", "tasks", "flows", "expectations")).modules.items()
    }
    assert {module for module, lines in found.items() if lines} == {"infra.objects", "infra.settings"}
