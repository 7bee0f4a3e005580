import pytest

from infra.settings import Settings
from tests.support.distributions import install


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a Python package of these files by hand, as pip leaves one: files, and a record of them."""

    def installed(name, files, version="1.0", recorded=()):
        place = tmp_path / "site-packages"
        install(place, name, files, version, recorded)
        monkeypatch.syspath_prepend(str(place))
        return place

    return installed
