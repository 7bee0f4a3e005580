"""What the guard lets through, with a small app behind it, and how the two servers are told their own names."""

import base64

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from infra.servers.guard import Guard, authorities, hostname, names
from infra.settings import Settings

OWN = "127.0.0.1:4200"
CREDENTIALS = "moderato:a-long-password"
KNOWN = {"Authorization": "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()}
OK, REFUSED, ASKED = 200, 403, 401


async def done(_):
    return PlainTextResponse("done", headers={"Content-Security-Policy": "script-src 'self'"})


async def talk(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def asked():
    """The status of a request to the guarded app, by the headers that a browser or a client sends."""

    def ask(method="GET", path="/", credentials="", **headers):
        app = Starlette(
            routes=[
                Route("/", done, methods=["GET", "POST", "DELETE", "OPTIONS"]),
                Route("/health", done, methods=["GET", "POST"]),
            ]
        )
        guard = Guard(
            app,
            names=names(Settings()),
            authorities=authorities(Settings(), 4200),
            credentials=credentials,
            open_paths=("/health",),
        )
        sent = {"host": OWN} | {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(guard).request(method, path, headers=sent).status_code

    return ask


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4200", "localhost:4200", "[::1]:4200", "LOCALHOST", "127.0.0.1:8080"]
)
def test_it_answers_to_this_machines_names(asked, host):
    assert asked(host=host) == OK


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "", "[", "127.0.0.1@evil.example"]
)
def test_it_answers_to_no_other_name_so_that_none_can_be_pointed_here(asked, host):
    assert asked(host=host) == REFUSED


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4200", "http://localhost:4200", "https://[::1]:4200"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_its_own_page_may_do_everything(asked, origin, method):
    assert asked(method, origin=origin) == OK


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:9999", "http://localhost:3000", "null", "http://127.0.0.1", ""],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_no_other_page_may_ask_anything_another_port_of_this_machine_included(asked, origin, method):
    assert asked(method, origin=origin) == REFUSED


def test_a_published_port_of_another_number_is_its_own_page_too(asked):
    assert asked("POST", host="127.0.0.1:8080", origin="http://127.0.0.1:8080") == OK


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "destination"), [("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")]
)
def test_other_pages_may_not_embed_it(asked, site, mode, destination):
    assert asked(sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=destination) == REFUSED


def test_a_link_on_another_page_is_followed_and_a_form_is_not(asked):
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert asked(**link) == OK
    assert asked("POST", **link) == REFUSED
    assert asked("POST", origin="http://evil.example", **link) == REFUSED


def test_clients_that_are_no_browsers_are_asked_for_the_password_alone(asked):
    assert asked("DELETE") == OK
    assert asked("DELETE", credentials=CREDENTIALS) == ASKED
    assert asked("DELETE", credentials=CREDENTIALS, **KNOWN) == OK


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !", "Basic bW9kZXJhdG86d3Jvbmc=", "Bearer x", "Basic " + "A" * 9]
)
def test_a_wrong_password_is_refused(asked, value):
    assert asked(credentials=CREDENTIALS, authorization=value) == ASKED


def test_the_password_a_browser_remembers_serves_no_other_page(asked):
    assert asked("POST", credentials=CREDENTIALS, origin="http://127.0.0.1:9999", **KNOWN) == REFUSED


def test_health_is_told_without_a_password_and_nothing_is_done_there(asked):
    assert asked(path="/health", credentials=CREDENTIALS) == OK
    assert asked("POST", path="/health", credentials=CREDENTIALS) == ASKED
    assert asked(path="/health", credentials=CREDENTIALS, host="evil.example") == REFUSED


@pytest.mark.parametrize(
    ("origin", "opens"), [("http://localhost:4200", True), ("http://evil.example", False)]
)
def test_a_socket_opens_for_its_own_page_alone(origin, opens):
    app = Starlette(routes=[WebSocketRoute("/", talk)])
    guard = Guard(app, names=names(Settings()), authorities=authorities(Settings(), 4200))
    client = TestClient(guard)
    headers = {"host": OWN, "origin": origin}
    if opens:
        with client.websocket_connect("/", headers=headers) as socket:
            assert socket.receive_text() == "hello"
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/", headers=headers):
            pass


def test_its_answers_stay_out_of_other_pages_and_keep_policies_of_their_own():
    guard = Guard(Starlette(routes=[Route("/", done)]), names={"127.0.0.1"}, authorities=())
    found = TestClient(guard).get("/", headers={"host": OWN}).headers
    assert found.get_list("Content-Security-Policy") == ["script-src 'self'", "frame-ancestors 'self'"]
    assert found["X-Content-Type-Options"] == "nosniff"


def test_hosts_of_the_settings_are_known_too():
    told = Settings(
        prefect_api_url="http://prefect:4200/api",
        mlflow_tracking_uri="http://user:secret@mlflow:5000",
        allowed_hosts="Pages.Example, 127.0.0.1:8080",
    )
    assert {"prefect", "mlflow", "pages.example", "localhost", "::1"} <= names(told)
    assert {"pages.example", "127.0.0.1:8080", "localhost:4200"} <= authorities(told, 4200)
    assert "prefect:4200" not in authorities(told, 4200)
    assert hostname("[::1]:80") == "::1"
