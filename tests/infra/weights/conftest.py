import pytest

from infra.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a Python package of these files by hand, as pip leaves one: files, and a record of them."""

    def install(name, files, version="1.0", recorded=()):
        place = tmp_path / "site-packages"
        about = place / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for path, content in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        (about / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, *recorded]))
        monkeypatch.syspath_prepend(str(place))
        return place

    return install
