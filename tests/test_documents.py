"""What the documents say is so."""

import re
from pathlib import Path

import pytest

from infra.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_readme_has_every_setting(readme, name):
    field = Settings.model_fields[name]
    default = "" if field.default in ("", None) else f"`{field.default}`"
    assert f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |" in readme


def test_every_make_target_that_the_documents_name_exists(readme):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make (\w+)", readme + (ROOT / "CONTRIBUTING.md").read_text()))
    assert named <= targets | {"made"}
