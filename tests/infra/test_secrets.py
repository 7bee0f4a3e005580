"""Secrets inside addresses and messages are masked by their form, wherever people see them."""

import json
import logging
import subprocess
import sys

import pytest

from infra.gateway.api.telemetry import JsonLines
from infra.platform.doctor import examine
from infra.secrets import HIDDEN, host_alone, mask_logs, masked
from infra.settings import Settings, SettingsError, explain

SECRETS = {
    "MODERATO_MLFLOW_TRACKING_URI": "postgresql://moderator:opensesame1@127.0.0.1:1/mlflow",
    "MODERATO_S3_ENDPOINT": "http://key:opensesame2@127.0.0.1:1",
    "MODERATO_S3_ACCESS_KEY": "opensesame3",
    "MODERATO_S3_SECRET_KEY": "opensesame4",
    "MODERATO_NOTIFY_WEBHOOK": "https://hooks.example/a/opensesame5?token=opensesame6",
    "MODERATO_NOTIFY_SLACK": "https://hooks.slack.com/services/T0/B0/opensesame7",
    "MODERATO_PREFECT_API_URL": "http://127.0.0.1:1/api?api_key=opensesame8",
    "MODERATO_PASSWORD": "opensesame9-long-enough",
    "MODERATO_GATEWAY_URL": "https://opensesame10@gateway.example",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:p@ss@db:5432/mlflow", f"postgresql://me:{HIDDEN}@db:5432/mlflow"),
        ("see https://a-token@host/x.", f"see https://{HIDDEN}@host/x."),
        ("http://h/a?sig=abc&x=1&access_token=z", f"http://h/a?sig={HIDDEN}&x=1&access_token={HIDDEN}"),
        ("https://hooks.slack.com/services/T/B/x", f"https://hooks.slack.com/services/{HIDDEN}"),
        ("https://discord.com/api/webhooks/1/x", f"https://discord.com/api/webhooks/{HIDDEN}"),
        ("Authorization: Bearer abcdefgh", f"Authorization: Bearer {HIDDEN}"),
        ("key mod_0123456789ab_Zx-9_y", f"key mod_0123456789ab_{HIDDEN}"),
        ("AKIAIOSFODNN7EXAMPLE", f"AKIAIO{HIDDEN}"),
        ("host=db password=abc dbname=x", f"host=db password={HIDDEN} dbname=x"),
        ('{"token": "abc"}', f'{{"token": "{HIDDEN}"}}'),
    ],
)
def test_a_secret_is_masked_by_its_form_and_the_rest_stays(text, shown):
    assert masked(text) == shown == masked(shown)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/#/experiments/1/runs/0123456789abcdef0123456789abcdef",
        "s3://moderato/snapshots/" + "a1" * 32 + ".lance",
        "no preset field 'x'; compact,text_tokens=48 has tokens",
        "no API key: send Authorization: Bearer KEY; moderato keys create makes one",
        "the author: a person; write to person@example.com",
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(text):
    assert masked(text) == text


def test_of_an_address_that_is_a_key_only_the_host_is_shown():
    assert host_alone("https://user@hooks.example/a?b=c") == f"https://hooks.example/{HIDDEN}"
    assert host_alone("nonsense") == HIDDEN


@pytest.fixture
def _records():
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("_records")
def test_no_handler_is_given_a_secret_whichever_logger_it_is_of(caplog):
    mask_logs()
    mask_logs()
    address = "http://somebody:opensesame@mlflow.example"
    try:
        int(address)
    except ValueError:
        logging.getLogger("elsewhere").exception("tried %s twice", address)
    logging.getLogger("elsewhere").warning("%d of %s", 7, "nine")
    assert "opensesame" not in caplog.text
    assert f"tried http://somebody:{HIDDEN}@mlflow.example twice" in caplog.text
    assert caplog.text.count("Traceback") == 1
    assert caplog.records[-1].args == (7, "nine")


def test_no_setting_shows_a_secret_wherever_it_is_shown(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    told = [str(list(explain(settings))), repr(settings), str(settings), str(list(examine(settings)))]
    assert all("opensesame" not in text for text in told)
    rows = {row.variable: row.value for row in explain(settings)}
    assert all(rows[name] for name in SECRETS)
    assert rows["MODERATO_NOTIFY_WEBHOOK"] == f"https://hooks.example/{HIDDEN}"


def test_commands_print_no_secret(monkeypatch, tmp_path):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for command in (["settings"], ["settings", "--json"], ["schedule"]):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *command],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert "opensesame" not in done.stdout + done.stderr
        if command[-1] == "--json":
            assert json.loads(done.stdout)["MODERATO_PASSWORD"]["value"] == HIDDEN


def test_a_password_that_is_refused_is_not_repeated(monkeypatch):
    monkeypatch.setenv("MODERATO_PASSWORD", "too short")
    with pytest.raises(
        SettingsError, match=r"MODERATO_PASSWORD is .*: 9 characters; take at least 12"
    ) as told:
        Settings()
    assert "too short" not in str(told.value)


def test_an_empty_password_asks_for_none(monkeypatch):
    monkeypatch.setenv("MODERATO_PASSWORD", "")
    assert Settings().credentials == ""


def test_a_log_line_of_the_gateway_masks_what_an_error_says():
    failed = "postgresql://me:opensesame@db/x is away"
    record = logging.LogRecord("infra.gateway", logging.WARNING, "", 0, "registry: %s", (failed,), None)
    line = json.loads(JsonLines().format(record))
    assert line["message"] == f"registry: postgresql://me:{HIDDEN}@db/x is away"
