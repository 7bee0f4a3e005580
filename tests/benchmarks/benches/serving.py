"""Requests a second beside other servers and beside the limit; what a canary costs; how soon an abort is obeyed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from gateway_server import new_key, until
from ports import free_port

from infra.lake import open_lake
from infra.registry import Registry
from infra.rollout import Rollout, Store, plan_named
from infra.settings import Settings
from models.bundle.bundle import Bundle
from models.data.tokenizer import encode, padded
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, at_most
from tests.benchmarks.trained_home import TOKENS, make_home, texts_of

SCRIPTS = Path(__file__).parents[1]
CLIENTS, SECONDS, TURNS = 32, 8.0, 3
WORKERS = (1, 2)
START = 120.0  # seconds that a server may take
HALF = 0.5
PATIENCE = 30.0  # seconds that it may take to stop


@dataclass
class Home:
    settings: Settings
    bundle: Path
    texts: list[str]
    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # mlflow looks for uvicorn there
            "MODERATO_HOME": str(self.settings.home),
            "MLFLOW_TRACKING_URI": self.settings.tracking_uri,
            "PYTHONPATH": ".",
            "RAY_USAGE_STATS_ENABLED": "0",
        }


@dataclass(frozen=True)
class Server:
    """How to start it on a port, where it answers, and what one text looks like to it."""

    command: list[str]
    path: str
    body: Any
    workers: int = 1


def trained(folder: Path) -> Home:
    settings, bundle = make_home(folder)
    return Home(settings, bundle, texts_of(bundle), new_key(settings))


@contextmanager
def running(server: Server, home: Home) -> Iterator[str]:
    """The server's address while it runs; its process and all of its children are gone afterwards."""
    port = free_port()
    command = [part.format(port=port, bundle=home.bundle) for part in server.command]
    with (home.settings.home / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=home.environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}{server.path}"
    try:
        until(lambda: answers(url, server.body(0, home.texts[0]), home.key, process), START)
        yield url
    finally:
        stop(process)


def answers(url: str, body: dict[str, Any], key: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"{process.args} ended with {process.returncode}"
    try:
        return httpx.post(url, json=body, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    except httpx.TransportError:
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    _, left = psutil.wait_procs(family, timeout=PATIENCE)
    for member in left:
        member.kill()


def measured(url: str, body: Any, home: Home) -> dict[str, Any]:
    bodies = home.settings.home / "bodies.jsonl"
    bodies.write_text(lines(body, home))
    command = [
        sys.executable,
        str(SCRIPTS / "closed_loop.py"),
        url,
        str(CLIENTS),
        str(SECONDS),
        str(bodies),
        home.key,
    ]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert set(found["statuses"]) == {"200"}, found["statuses"]
    return found


def lines(body: Any, home: Home) -> str:
    return "\n".join(json.dumps(body(number, text)) for number, text in enumerate(home.texts))


def post(number: int, text: str) -> dict[str, Any]:
    return {"post_id": f"p{number}", "text": text, "market": "DE"}


def gateway(workers: int) -> Server:
    serve = ["-m", "flows.cli", "serve", "--port", "{port}", "--workers", str(workers)]
    return Server([sys.executable, *serve], "/v1/decisions", post, workers)


def mlflow(workers: int) -> Server:
    model = ["models", "serve", "--model-uri", "models:/moderato@champion", "--env-manager", "local"]
    where = ["--host", "127.0.0.1", "--port", "{port}", "--workers", str(workers)]
    command = [str(Path(sys.executable).with_name("mlflow")), *model, *where]
    return Server(command, "/invocations", lambda _, text: {"dataframe_records": [{"text": text}]}, workers)


def peer(name: str, workers: int) -> Server:
    command = [sys.executable, str(SCRIPTS / f"{name}_server.py"), "{bundle}", "{port}", str(workers)]
    return Server(command, "/predict", lambda _, text: {"text": text}, workers)


OURS = "moderato serve"
PEERS = {  # and how many times as many requests a second as they ours should answer
    "LitServe": (lambda workers: peer("litserve", workers), 1.6),
    "mlflow models serve": (mlflow, 3.5),
    "Ray Serve": (lambda workers: peer("ray", workers), 3.0),
}
LIMIT = Figure(
    name="requests a second of `moderato serve`",
    beside="items of onnxruntime called in a loop with full batches",
    aim=at_least(0.65),
)
RATES = {
    name: Figure(name=f"and beside {name}", beside="its requests a second", aim=at_least(least))
    for name, (_, least) in PEERS.items()
}
P99 = Figure(name=f"its p99 under {CLIENTS} clients", beside="a limit", aim=at_most(50), unit="ms")
CANARY = Figure(
    name="requests a second with a challenger at 50 % and durable decisions",
    beside="a champion alone without either",
    aim=at_least(0.85),
)
OBEYED = Figure(
    name="from the start of `moderato canary abort` to the challenger's last decision",
    beside="polls of the registry",
    aim=at_most(2),
)


def measure(folder: Path) -> Iterator[Seen | Table]:
    home = trained(folder / "home")
    yield from beside_other_servers(home)
    yield what_the_canary_costs(home)
    yield how_soon_an_abort_is_obeyed(home)


def beside_other_servers(home: Home) -> Iterator[Seen | Table]:
    about = json.loads((home.bundle / "model.json").read_text())
    print(f"{CLIENTS} clients, one text of {TOKENS} tokens a request; preset {about['preset']['name']}")
    turns = [most_items(home) for _ in range(TURNS)]
    ours = best(gateway, home)
    yield P99.seen(ours["p99"])
    found = {}
    for name, (make, _) in PEERS.items():
        found[name] = best(make, home)
        yield RATES[name].seen(ours["rate"] / found[name]["rate"])
    # what the machine could do while it was free
    limit = max(turns + [most_items(home) for _ in range(TURNS)])
    yield LIMIT.seen(ours["rate"] / limit)
    rows = [row_of(name, row) for name, row in {OURS: ours, **found}.items()]
    columns = ("server", "requests/s", "p50", "p99", "workers")
    yield Table(columns=columns, rows=(("onnxruntime, the limit", f"{limit:,.0f}", "", "", ""), *rows))


def row_of(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    return (name, f"{row['rate']:,.0f}", f"{row['p50']:.0f} ms", f"{row['p99']:.0f} ms", str(row["workers"]))


def best(make: Any, home: Home) -> dict[str, Any]:
    """With as many workers as suits the server; the median of some turns."""
    rows = []
    for workers in WORKERS:
        server = make(workers)
        with running(server, home) as url:
            turns = [measured(url, server.body, home) for _ in range(TURNS)]
        rows.append(sorted(turns, key=lambda turn: turn["rate"])[TURNS // 2] | {"workers": workers})
    return max(rows, key=lambda row: row["rate"])


def most_items(home: Home) -> float:
    """Items a second of the session that the bundle serves, in batches that are full and ready, on both cores."""
    bundle = Bundle.load(home.bundle, threads=2)
    ids = encode(bundle.scorer.tokenizer, home.texts)
    batches = [padded(ids[start : start + 64]) for start in range(0, len(ids), 64)]
    names = [entry.name for entry in bundle.scorer.session.get_inputs()]
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        for input_ids, mask in batches:
            given = {"input_ids": input_ids, "attention_mask": mask, "image_index": np.full(len(mask), -1)}
            bundle.scorer.session.run(["logits"], {name: given[name] for name in names})
            done += len(input_ids)
    return done / spent


def what_the_canary_costs(home: Home) -> Seen:
    """Challenger at 50 % with durable decisions, against the champion alone whose decisions are not written down."""
    alone = Server(
        [sys.executable, str(SCRIPTS / "gateway_without_record.py"), "{port}"], "/v1/decisions", post
    )
    ratios = []
    for _ in range(TURNS):  # in turns, so that a busy machine slows both
        over(home)
        with running(alone, home) as url:
            bare = measured(url, post, home)["rate"]
        at_half(home)
        with running(gateway(1), home) as url:
            ratios.append(measured(url, post, home)["rate"] / bare)
    over(home)
    ratio = sorted(ratios)[TURNS // 2]
    return CANARY.seen(ratio, f"median of {TURNS}, {min(ratios):.2f} to {max(ratios):.2f}")


def how_soon_an_abort_is_obeyed(home: Home) -> Seen:
    at_half(home)
    with running(gateway(1), home) as url:
        bodies = home.settings.home / "bodies.jsonl"
        bodies.write_text(lines(post, home))
        command = [sys.executable, str(SCRIPTS / "closed_loop.py"), url, "4", "15", str(bodies), home.key]
        load = subprocess.Popen(command, stdout=subprocess.PIPE)
        time.sleep(8)
        began = datetime.now(UTC)
        abort = [sys.executable, "-m", "flows.cli", "canary", "abort", "--reason", "measured"]
        subprocess.run(abort, check=True, env=home.environment, capture_output=True)
        load.communicate()
    rows = (
        open_lake(home.settings)
        .decisions.open()
        .to_table(columns=["decided_at"], filter="role = 'challenger' and rollout = 'half'")
    )
    last = (max(rows["decided_at"].to_pylist()) - began).total_seconds()
    polls = last / home.settings.gateway_refresh_seconds
    return OBEYED.seen(polls, f"{last:.2f} s")


def at_half(home: Home) -> None:
    """Version 2 in the stage of half the traffic, as the controller would have left it."""
    now = datetime.now(UTC)
    rollout = Rollout.begin(plan_named("steady"), 1, 2, now)
    while rollout.share < HALF:
        rollout = rollout.climbed(now)
    Registry(home.settings).roll_out(2, rollout.model_copy(update={"id": "half"}).model_dump_json())


def over(home: Home) -> None:
    rollout = Store(home.settings).load(2)
    if rollout is not None:
        Registry(home.settings).roll_out(2, rollout.stopped("rolled back", "").model_dump_json())


BENCH = Bench(
    figures=(LIMIT, *RATES.values(), P99, CANARY, OBEYED),
    measure=measure,
    seeds="0 and 1",
    limit_seconds=3600,
)
