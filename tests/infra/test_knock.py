"""Whoever is not there is told before a client tries for minutes."""

import socket

import pytest
from ports import free_port

from infra.knock import knock, not_reached


def test_who_listens_is_left_alone_and_who_does_not_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        knock(f"http://127.0.0.1:{port}/path")
        knock(f"127.0.0.1:{port}")
        knock("postgresql+psycopg2://me:secret@127.0.0.1/db", port)
    with pytest.raises(ConnectionRefusedError):
        knock(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["", "sqlite:////home/mlflow.db", "local", "ray://head"])
def test_without_a_host_and_a_port_nobody_is_asked(address):
    knock(address)


def test_behind_a_proxy_nobody_is_asked_but_who_is_reached_without_it(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    knock("http://mlflow.invalid:5000")
    with pytest.raises(ConnectionRefusedError):
        knock(f"http://127.0.0.1:{free_port()}")


def test_people_are_told_one_line_of_a_clients_page():
    told = not_reached("MLflow", "x" * 10_000, "MODERATO_MLFLOW_TRACKING_URI")
    assert len(told) < 500
    assert told.endswith(
        "; start it, or check MODERATO_MLFLOW_TRACKING_URI: moderato doctor looks at all of them"
    )
