"""Who starts a gateway is told where it listens, and who decides there."""

from urllib.parse import urlsplit

import pytest
from gateway_server import Process, in_thread, until
from ports import free_port

from flows.cli.listening import address, told, who_decides
from infra.settings import Settings


def heard(url, count):
    """The first lines that are said of the gateway at `url`."""
    lines, place = [], urlsplit(url)
    with told(place.hostname, place.port, lines.append):
        until(lambda: len(lines) >= count)
    return lines


def test_it_says_where_it_listens_where_to_try_it_and_who_decides(gateway):
    listening, deciding = heard(gateway.url, 2)
    assert listening.startswith(f"listening on {gateway.url}; ")
    assert f"{gateway.url}/docs" in listening
    assert "moderato keys create --scope decide" in listening
    assert deciding == "version 1 decides"


def test_where_nobody_decides_it_says_why_and_what_becomes_of_posts(tmp_path):
    with in_thread(Settings(home=tmp_path / "empty", _env_file=None), ready=False) as served:
        _, line = heard(served.url, 2)
    assert line.startswith("nobody decides yet, and posts are answered with 503: ")
    assert "moderato retrain" in line


def test_nothing_is_said_of_a_gateway_that_never_came():
    lines = []
    with told("127.0.0.1", free_port(), lines.append):
        pass
    assert lines == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("gateway.example", "http://gateway.example:8000"),
    ],
)
def test_an_address_is_one_that_a_browser_opens(host, url):
    assert address(host, 8000) == url


def test_a_challenger_is_named_beside_who_decides():
    found = {"status": "ready", "champion": "1", "challenger": "2"}
    assert who_decides(found) == "version 1 decides, version 2 is its challenger"


def test_a_warning_is_part_of_who_decides():
    found = {"status": "ready", "champion": "3", "challenger": None, "warning": "the registry is away"}
    assert who_decides(found) == "version 3 decides; the registry is away"


@pytest.mark.slow
def test_serve_says_so_on_standard_output(home, capfd):
    process = Process(home)
    try:
        process.await_ready()
        said = ""

        def all_of_it():
            nonlocal said
            said += capfd.readouterr().out
            return "version 1 decides" in said

        until(all_of_it)
    finally:
        process.process.terminate()
        process.process.wait(60)
    lines = said.splitlines()
    assert lines[0] == f"starting the gateway on http://127.0.0.1:{process.port}"
    assert lines[1].startswith(f"listening on http://127.0.0.1:{process.port}; ")
