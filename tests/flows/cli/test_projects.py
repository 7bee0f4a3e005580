"""A project as a person meets it: real commands, called from a folder below it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from projects import outside

from flows.cli import app
from infra.starter import contents
from models.domain.policy_file import schema
from models.policies import POLICY_SETS

NAMES = sorted(contents())
BAD = """
from tasks.gates.base.gate import Check, Gate


def ask(evidence):
    return [Check(gate="other", subject="bundle", value=1.0, bound=2.0, passed=True, detail="")]


GATE = Gate(name="bad", title="Is it bad?", checks=ask)
"""
PRESET = (
    'from models.domain.preset import compact\n\nPRESET = compact().replace(name="{0}", text_encoder="{1}")\n'
)


def moderato(*words, cwd, code=0):
    command = [Path(sys.executable).with_name("moderato"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=outside())
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_init_makes_a_project_says_what_next_and_never_overwrites(tmp_path):
    told = moderato("init", "shop", cwd=tmp_path)
    assert [line.split()[1] for line in told.splitlines() if "made" in line] == list(contents())
    assert "next: cd" in told
    assert "moderato policies check" in told
    (tmp_path / "shop" / "README.md").write_text("mine")
    (tmp_path / "shop" / ".gitignore").unlink()
    again = moderato("init", cwd=tmp_path / "shop")
    assert [line for line in again.splitlines() if "made" in line] == ["  made  .gitignore"]
    assert (tmp_path / "shop" / "README.md").read_text() == "mine"
    assert "was a project already" in again


def test_init_where_no_folder_can_be_is_one_line(tmp_path):
    (tmp_path / "shop").write_text("")
    assert moderato("init", "shop", cwd=tmp_path, code=2).startswith("moderato: ")
    assert "Traceback" not in moderato("init", "shop/deep", cwd=tmp_path, code=2)


def test_state_does_not_follow_the_working_directory(project):
    found = json.loads(project.moderato("settings", "--json"))
    home = found["MODERATO_HOME"]
    assert (home["value"], home["source"]) == (str(project.folder / ".moderato"), "moderato.toml")
    project.moderato("status")
    assert (project.folder / ".moderato").is_dir()
    assert list(project.below.iterdir()) == []


def test_own_posts_come_in_by_an_own_source_and_own_policies(project):
    policies = project.folder / "policies" / "guidelines.toml"
    policies.write_text(policies.read_text().replace("[policies.profanity]", "[policies.rudeness]"))
    example = (project.folder / "sources" / "README.md").read_text()
    source = example.split("```python\n")[1].split("```")[0].replace("profanity", "rudeness")
    project.write("sources/colours.py", source)
    project.write("deep/er/colours.csv", "caption,rude\na green afternoon,0\nyou blinking turnip,1\n")
    summary = json.loads(project.moderato("ingest", "colours", "colours.csv", "--json"))
    assert (summary["posts"]["inserted"], summary["judgements"]["inserted"]) == (2, 2)
    assert "good   source colours" in project.moderato("check", "parts")


def test_policies_are_listed_shown_and_compared(project):
    listed = project.moderato("policies", "list")
    assert "* guidelines" in listed
    assert "policies/guidelines.toml" in listed
    assert "same" in project.moderato("policies", "diff", "community_guidelines", "guidelines")
    assert "hate_speech" in project.moderato("policies", "show", "guidelines")
    assert json.loads(project.moderato("policies", "schema"))["title"]
    policies = project.folder / "policies" / "guidelines.toml"
    policies.write_text(policies.read_text().replace("review_share = 0.05", "review_share = 0.06"))
    changed = project.moderato("policies", "diff", "community_guidelines", "../../policies/guidelines.toml")
    assert changed.split() == ["objectives.DE.review_share", "-", "0.05", "+", "0.06"]


def test_a_fault_in_a_policy_set_is_told_where_it_is_needed_and_nowhere_else(project):
    policies = project.folder / "policies" / "guidelines.toml"
    policies.write_text(policies.read_text().replace("severity = 4", "severity = 9", 1))
    told = project.moderato("policies", "check", "guidelines", code=2)
    assert told.startswith("wrong  policies/guidelines.toml:")
    assert "hate_speech: severity is 9; a severity goes from 1" in told
    assert "! guidelines" in project.moderato("policies", "list")
    project.moderato("status")
    for words in (("retrain",), ("up",), ("policies", "try")):
        assert project.moderato(*words, code=2).startswith("moderato: policies/guidelines.toml:")


def test_check_parts_says_what_is_wrong_with_each_and_where(project):
    assert project.moderato("check", "parts") == "good   policy set guidelines  policies/guidelines.toml\n"
    project.write("parts/bad.py", BAD)
    project.write("parts/small.py", PRESET.format("small", "compact"))
    project.write("parts/lost.py", PRESET.format("lost", "nowhere"))
    project.write("parts/fallen.py", "PLAN = 1 / 0\n")
    project.write("parts/blank.py", "")
    told = project.moderato("check", "parts", code=2)
    assert "good   preset small  parts/small.py:3" in told
    assert (
        "wrong  gate bad  parts/bad.py:9: it answers as 'other'; the gate of a check is its own name" in told
    )
    assert "wrong  gate bad  parts/bad.py:9: its answer on bundle has no detail" in told
    assert "wrong  preset lost  parts/lost.py:3: no encoder called 'nowhere'" in told
    assert "wrong  plan fallen  parts/fallen.py:1: ZeroDivisionError: division by zero" in told
    assert "wrong  part blank  parts/blank.py:1: it announces none of POLICY_SET, SOURCE" in told


def test_a_broken_gate_is_told_before_anything_is_trained(project):
    project.write("parts/fallen.py", "GATE = 1 / 0\n")
    told = project.moderato("retrain", code=2)
    assert "moderato: parts/fallen.py:1: ZeroDivisionError: division by zero; mend it" in told
    project.moderato("status")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_project_begins_with_names_only_commands_that_exist(name):
    named = set(re.findall(r"(?:^|`)moderato ([a-z][a-z-]+)", contents()[name], re.MULTILINE))
    assert named - {it for it in app if not it.startswith("-")} == set()


def test_what_git_must_leave_alone_is_said_where_it_does_not(tmp_path):
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    assert ".gitignore does not name .moderato/" in moderato("init", cwd=tmp_path)
    inner = moderato("init", "inner", cwd=tmp_path)
    assert f"it lies in another project, {tmp_path}, whose settings do not reach in here" in inner


def test_a_project_begins_with_the_shipped_policies_under_its_own_name(project):
    own, shipped = POLICY_SETS["guidelines"], POLICY_SETS["community_guidelines"]
    assert own.digest == shipped.digest
    head = (project.folder / "policies" / "guidelines.toml").read_text().splitlines()[0]
    assert head.startswith("#:schema ./")
    assert json.loads((project.folder / "policies" / head.rpartition("/")[2]).read_text()) == schema()
