"""Makes the home that tests/test_home_of_before.py opens: run it with the release that people have, and with no other.

    git archive RELEASE | tar x -C /opt/moderato
    ln -s THAT_RELEASES_VENV /opt/moderato/.venv
    PYTHONPATH=/opt/moderato python tests/support/make_home_of_release.py /opt/moderato/.venv tests/homes/RELEASE.tar.xz

It uses that release as people do, by its commands and over HTTP, so that it runs with each release; what it packs is a
backup of the home by `moderato backup`, beside what was seen when it was made. Home and code lie where their paths say
nothing of a machine, for models and databases keep them. Then put the digest of the release's code that it prints into
FORMER_CODE of tasks/plumbing/caching.py, and take out the archive of the release before that one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

HOME = Path("/srv/moderato")
PORT = 28_411
PRESET = (
    "compact,modalities=text,vocabulary=300,ngram_bits=0,width=16,batch_size=40,epochs=2,minimum_steps=60,"
    "averaging=0.5,learning_rate=0.02,respell=0,folds=0,checkpoint_steps=5"
)
KILLED = f"{PRESET},dropout=0.2"  # the retraining that is killed in training
HARMLESS = [
    "blen", "carro", "dimmel", "ferrin", "gollet", "harpin", "jendo",
    "kallis", "lomber", "nustik", "ottel", "pirrow", "quendel", "rastin",
]  # fmt: skip
VIOLATING = {"fraud_and_spam": ["vrenk", "wozzock"], "profanity": ["ostari", "gribbel"]}  # invented, as all
POSTS, SENT = 900, 8
ASKED = [
    "blen carro dimmel", "vrenk ferrin gollet", "ostari harpin jendo",
    "kallis wozzock gribbel", "lomber", "quendel nustik",
]  # fmt: skip
CODE = """
try:
    from tasks.plumbing.caching import code_digest
except ImportError:
    from tasks.caching import code_digest
print(code_digest())
"""
SOON = 300.0  # seconds


class Release:
    """A release's commands on the home, in a folder that holds no settings."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.python, self.folder = environment.absolute() / "bin" / "python", folder
        self.command = [str(self.python), str(self.python.with_name("moderato"))]
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        self.environment = inherited | {
            "HOME": str(folder), "LOGNAME": "operator", "MODERATO_HOME": str(HOME), "MODERATO_THREADS": "1",
            "MODERATO_CARD_PDF": "false", "MODERATO_CARD_MISTAKES": "1",
        }  # fmt: skip

    def run(self, *arguments: str) -> str:
        """What a command printed on standard output."""
        return self._printed([*self.command, *arguments])

    def code(self) -> str:
        """The digest of its code, by which it names candidates."""
        return self._printed([str(self.python), "-c", CODE]).strip()

    def _printed(self, command: list[str]) -> str:
        out = subprocess.PIPE
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, check=True, stdout=out, text=True
        ).stdout

    @contextmanager
    def until_killed(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that is killed with all that it started, as a machine that loses its power."""
        process = subprocess.Popen(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, start_new_session=True
        )
        try:
            yield process
            assert process.poll() is None, f"moderato {' '.join(arguments)} ended by itself"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(holds: Callable[[], object], seconds: float = SOON) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def write_posts(path: Path, count: int, *, seed: int) -> Path:
    """Judged posts; a word of a policy makes nine in ten violate it."""
    draw, began = random.Random(seed), datetime(2026, 3, 2, 9, tzinfo=UTC)
    with path.open("w") as out:
        for number in range(count):
            said = {policy: draw.random() < 0.25 for policy in VIOLATING}
            words = draw.choices(HARMLESS, k=5)
            words += [draw.choice(VIOLATING[policy]) for policy, is_said in said.items() if is_said]
            draw.shuffle(words)
            post = {
                "post_id": f"post-{seed}-{number}", "author_id": f"author-{draw.randrange(count)}",
                "market": draw.choice(["DE", "US"]), "language": "en", "text": f"{' '.join(words)} {number}",
                "created_at": (began + timedelta(minutes=9 * number)).isoformat(),
                "labels": {policy: is_said and draw.random() < 0.9 for policy, is_said in said.items()},
            }  # fmt: skip
            out.write(json.dumps(post) + "\n")
    return path


class Gateway:
    """`moderato serve`, asked with a key."""

    def __init__(self, key: str) -> None:
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        self._number = 0

    def is_ready(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def decide(self, texts: list[str]) -> list[dict[str, Any]]:
        posts = [
            {"post_id": f"sent-{self._number + place}", "text": text, "market": "DE"}
            for place, text in enumerate(texts)
        ]
        self._number += len(posts)
        answer = self.client.post("/v1/decisions", json={"posts": posts})
        answer.raise_for_status()
        return list(answer.json()["decisions"])


def make(release: Release) -> dict[str, Any]:
    """The home; what was seen while it was made."""
    folder = release.folder
    release.run("ingest", "jsonl", str(write_posts(folder / "posts.jsonl", POSTS, seed=1)))
    first = json.loads(release.run("retrain", PRESET, "--json"))
    assert first["promoted"], first
    lake = json.loads(release.run("status", "--json"))["lake"]
    key = json.loads(release.run("keys", "create", "--scope", "admin", "--name", "a review queue", "--json"))
    with release.until_killed("serve", "--port", str(PORT)):
        gateway = Gateway(key["key"])
        until(gateway.is_ready)
        asked = gateway.decide(ASKED)
        gateway.decide([f"{' '.join(HARMLESS[:3])} {number}" for number in range(SENT)])
        rows = [f"{it['post_id']},profanity,{_said(text)}" for it, text in zip(asked, ASKED, strict=True)]
        (folder / "queue.csv").write_text("\n".join(["post_id,policy,violates", *rows]) + "\n")
        release.run("ingest", "judgements", str(folder / "queue.csv"))
        second = [PRESET, "--seed", "1", "--plan", "brief"]
        with release.until_killed("retrain", *second):
            climb(gateway)
        time.sleep(5)  # what was decided is in the lake then
        last = gateway.decide(["quendel vrenk"])[0]  # and this in the journal, or there too
    rollout = json.loads(release.run("canary", "--json"))
    third = [KILLED, "--seed", "2", "--until", "registered"]
    with release.until_killed("retrain", *third):
        before = set(HOME.glob("work/candidates/*/checkpoints/last.ckpt"))
        until(lambda: set(HOME.glob("work/candidates/*/checkpoints/last.ckpt")) - before)
    shutil.rmtree(
        HOME / "prefect"
    )  # of the servers that each command had of its own; nothing goes on from there
    return {
        "code": release.code(), "home": str(HOME), "preset": PRESET, "key": key["key"],
        "asked": [{"text": text, "decision": it} for text, it in zip(ASKED, asked, strict=True)], "last": last,
        "champion": first, "champion_versions": {name: lake[name]["version"] for name in ("posts", "judgements")},
        "rollout": rollout["rollout"], "posts_in_stage": rollout["posts"],
        "in_canary": second, "in_training": third, "status": json.loads(release.run("status", "--json")),
    }  # fmt: skip


def _said(text: str) -> str:
    """A moderator's word on the policy `profanity`."""
    return "yes" if any(word in text for word in VIOLATING["profanity"]) else "no"


def climb(gateway: Gateway) -> None:
    """Send posts until the challenger decides some of them, and a few more."""
    draw, deadline, more = random.Random(3), time.monotonic() + SOON, 10
    words = HARMLESS * 6 + [word for said in VIOLATING.values() for word in said]  # two models agree on most
    while more:
        assert time.monotonic() < deadline, "the challenger never came to decide"
        decided = gateway.decide([" ".join(draw.choices(words, k=4)) for _ in range(SENT)])
        more -= any(it["model_version"] == "2" for it in decided)
        time.sleep(0.2)


def main(environment: str, archive: str) -> None:
    assert not HOME.exists(), f"{HOME} is somebody's; take it away first"
    with tempfile.TemporaryDirectory() as folder:
        work, packed = Path(folder, "work"), Path(folder, "packed")
        work.mkdir()
        release = Release(Path(environment), work)
        told = make(release)
        release.run("backup", str(packed / "backup"))
        (packed / "told.json").write_text(json.dumps(told, indent=1))
        with tarfile.open(archive, "w:xz", preset=9) as out:
            out.add(packed, ".", filter=_of_nobody)
        here = {Path(environment).resolve().parent, Path(__file__).parents[2]}
        found = [it for it in packed.rglob("*") if it.is_file() and _names(it, here)]
        assert not found, f"take {archive} away: these name folders of this machine: {found}"
    print(f"{Path(archive).stat().st_size:,} bytes; FORMER_CODE: {told['code']}")


def _names(path: Path, folders: set[Path]) -> bool:
    """Whether a file names one of these folders."""
    held = path.read_bytes()
    return any(str(folder).encode() in held for folder in folders)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(*sys.argv[1:])
