"""A store that is away ends a command in one line, whichever command asks it, and shows no password."""

import os
import subprocess
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from ports import free_port

PASSWORD = "sesame-123-sesame"
LOOKS = [
    ("status",),
    ("rollback",),
    ("canary",),
    ("compare", "1", "2"),
    ("score", "posts.jsonl", "out.parquet"),
]


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def ended(command, monkeypatch):
    """Runs a command in this process, where those that it needs are imported already."""

    def run(*words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Ended(*command(*words))

    return run


def ended_alone(*words, **environment):
    """Of a process of its own: Prefect reads where its server is when it is imported."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *words], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def one_line(done, store):
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"moderato: {store} cannot be reached: ")
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


@pytest.fixture
def no_mlflow():
    return f"http://somebody:{PASSWORD}@127.0.0.1:{free_port()}"


@pytest.mark.parametrize("words", LOOKS, ids=lambda words: words[0])
def test_an_mlflow_server_that_is_away_is_one_line(words, tmp_path, monkeypatch, ended, no_mlflow):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts.jsonl").write_text('{"post_id": "1", "text": "hello"}\n')
    one_line(ended(*words, MODERATO_MLFLOW_TRACKING_URI=no_mlflow), "MLflow")


def test_a_retraining_whose_mlflow_server_is_away_is_one_line(no_mlflow):
    one_line(ended_alone("retrain", "--preset", "trial", MODERATO_MLFLOW_TRACKING_URI=no_mlflow), "MLflow")


@pytest.mark.parametrize(
    "address",
    [
        f"http://somebody:{PASSWORD}@mlflow.invalid:5000",
        f"https://somebody:{PASSWORD}@127.0.0.1",
        f"postgresql://somebody:{PASSWORD}@127.0.0.1:1/mlflow",
    ],
)
def test_a_server_or_database_that_is_not_there_is_told_soon(address, ended):
    """MLflow's own clients try for four minutes."""
    one_line(ended("status", MODERATO_MLFLOW_TRACKING_URI=address), "MLflow")


def test_a_prefect_server_that_is_away_is_one_line():
    api = f"http://127.0.0.1:{free_port()}/api"
    one_line(ended_alone("schedule", MODERATO_PREFECT_API_URL=api), "Prefect")
    one_line(ended_alone("retrain", "--preset", "trial", MODERATO_PREFECT_API_URL=api), "Prefect")


def test_a_lake_that_is_away_is_one_line(ended):
    endpoint = f"http://127.0.0.1:{free_port()}"
    settings = {
        "LAKE_URI": "s3://b/lake",
        "S3_ENDPOINT": endpoint,
        "S3_ACCESS_KEY": "a",
        "S3_SECRET_KEY": PASSWORD,
    }
    one_line(ended("status", **{f"MODERATO_{name}": value for name, value in settings.items()}), "the lake")


@pytest.fixture
def another_server():
    """The address of a server that is none of the stores."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def do_POST(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


S3_KEYS = {"MODERATO_S3_ACCESS_KEY": "a", "MODERATO_S3_SECRET_KEY": PASSWORD}


@pytest.mark.parametrize(
    ("words", "setting", "path", "store"),
    [
        ("status", "MODERATO_MLFLOW_TRACKING_URI", "", "MLflow"),
        ("schedule", "MODERATO_PREFECT_API_URL", "/api", "Prefect"),
        ("status", "MODERATO_S3_ENDPOINT", "", "the lake"),
    ],
)
def test_a_port_on_which_another_server_answers_is_one_line(
    another_server, words, setting, path, store, ended
):
    lake = {"MODERATO_LAKE_URI": "s3://b/lake", **S3_KEYS} if store == "the lake" else {}
    run = ended_alone if store == "Prefect" else ended
    one_line(run(words, **lake, **{setting: another_server + path}), store)


def test_the_traceback_of_a_fault_shows_no_password():
    program = (
        "from flows.cli import app, main\n"
        "@app.command\n"
        f"def fails(): raise RuntimeError('no answer from https://somebody:{PASSWORD}@pages.example/')\n"
        "main(['fails'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("RuntimeError: no answer from https://somebody:**********@pages.example/\n")


def test_a_database_that_is_none_is_one_line_and_stays_as_it_is(tmp_path, ended):
    (tmp_path / "mlflow.db").write_text("a file that somebody put here")
    one_line(ended("status", MODERATO_HOME=str(tmp_path)), "MLflow's database")
    assert (tmp_path / "mlflow.db").read_text() == "a file that somebody put here"
