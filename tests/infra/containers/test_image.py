"""What an image is built of is named by digest, and no secret gets into it or into git."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from stack import CONTAINERS, compose

ROOT = Path(__file__).parents[3]
DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")
SECRETS = (
    ".env", ".env.local", ".env.production", "prod.env", "infra/.env", "infra/containers/.env", "tasks/.env.bak",
    "infra/containers/prod.env", "models/deep/er/.env", "flows/.envrc",
)  # fmt: skip
OURS = (
    "infra/containers/example.env",
    "infra/settings.py",
    "flows/retrain.py",
    "pyproject.toml",
    "prefect.yaml",
)


def patterns():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def enters_the_image(path):
    """As Docker reads .dockerignore: the last line that names the path, or a folder over it, decides."""
    entering = True
    for pattern in patterns():
        named = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(rf"{named}(/.*)?", path):
            entering = pattern.startswith("!")
    return entering


@pytest.mark.parametrize("path", SECRETS)
def test_no_secret_enters_an_image(path):
    assert not enters_the_image(path)


@pytest.mark.parametrize("path", OURS)
def test_what_is_ours_does(path):
    assert enters_the_image(path)


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_no_secret_enters_git(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    asked = subprocess.run(
        ["git", "check-ignore", *SECRETS, *OURS], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert asked.stdout.split() == list(SECRETS)


def test_every_image_is_named_by_its_digest():
    named = {service["image"] for service in compose()["services"].values()} - {"moderato"}
    bases = re.findall(r"^FROM (\S+)", (CONTAINERS / "Dockerfile").read_text(), re.MULTILINE)
    assert len(named) == 4
    assert len(bases) == 1
    for image in (*named, *bases):
        assert DIGEST.fullmatch(image), image


@pytest.mark.parametrize("lock", ["constraints.txt", "infra/containers/requirements.txt"])
def test_every_package_of_a_lock_has_its_hashes_and_no_registry_is_named(lock):
    text = (ROOT / lock).read_text()
    packages = re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip())
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[\w.-]+(\[[^]]+\])?==\S+( ; .*?)?(\s+--hash=sha256:[0-9a-f]{64})+$", package), (
            package[:200]
        )
    assert "://" not in text
    assert "--index" not in text


def test_the_image_installs_what_was_locked_and_nothing_that_it_does_not_need():
    def locked(path):
        return dict(re.findall(r"^([\w.-]+)(?:\[.*?\])?==(\S+)", (ROOT / path).read_text(), re.MULTILINE))

    everything, image = locked("constraints.txt"), locked("infra/containers/requirements.txt")
    assert image.items() <= everything.items()
    assert not {"pytest", "ruff", "mypy", "ray"} & set(image)
