import ipaddress
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tiny_model import picture

from infra.gateway.errors import ApiError
from infra.gateway.media import image_fetcher
from infra.gateway.media.image_fetcher import Fetcher, is_public

IMAGE = picture(200)


class Images(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/trickle":
            self.send_response(200)
            with suppress(OSError):
                for number in range(100):
                    self.send_header(f"X-{number}", "a")
                    self.flush_headers()
                    time.sleep(0.1)
            return
        target = {"/away": "https://elsewhere.example/a.png", "/round": "/round", "/moved": "/a.png"}.get(
            self.path
        )
        self.send_response(302 if target else 404 if self.path == "/none" else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *_):
        pass


def certificate(folder):
    """A certificate for localhost that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "localhost.pem"
    path.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return path


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A real HTTPS server on this machine, with the context that trusts it."""
    path = certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Images) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"localhost:{server.server_port}", ssl.create_default_context(cafile=path)
        server.shutdown()
        thread.join()


def fetcher(host, *hosts, may_connect=lambda address: True):
    return Fetcher(frozenset(hosts or host[:1]), may_connect=may_connect, context=host[1])


def refusal(fetching, url, most=1 << 20):
    with pytest.raises(ApiError) as refused:
        fetching.fetch(url, most, "input")
    assert (refused.value.status, refused.value.code) == (400, "image_url_refused")
    return refused.value.message


@pytest.mark.parametrize("path", ["/a.png", "/moved", "/a.png?size=2#part"])
def test_an_allowed_host_is_fetched_from(host, path):
    assert fetcher(host).fetch(f"https://{host[0]}{path}", 1 << 20, "input") == IMAGE


def test_no_host_is_allowed_unless_it_is_named(host):
    assert "not among the hosts" in refusal(fetcher(host, "images.example"), f"https://{host[0]}/a.png")
    assert "not among the hosts" in refusal(Fetcher(frozenset()), "https://images.example/a.png")


def test_a_redirect_does_not_lead_off_the_list(host):
    assert "elsewhere.example is not among" in refusal(fetcher(host), f"https://{host[0]}/away")


def test_redirects_end(host):
    assert "more than 3 redirects" in refusal(fetcher(host), f"https://{host[0]}/round")


def test_an_allowed_name_that_leads_inside_the_network_is_not_followed(host):
    found = refusal(fetcher(host, may_connect=is_public), f"https://{host[0]}/a.png")
    assert "not a public address" in found


def test_a_host_with_an_unknown_certificate_is_not_trusted(host):
    untrusting = Fetcher(frozenset(host[:1]), may_connect=lambda address: True)
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(untrusting, f"https://{host[0]}/a.png")


def test_an_image_that_is_too_large_is_not_read_to_its_end(host):
    assert "larger than 10 bytes" in refusal(fetcher(host), f"https://{host[0]}/a.png", most=10)


def test_an_answer_that_is_no_image_is_said(host):
    assert "answers 404" in refusal(fetcher(host), f"https://{host[0]}/none")


@pytest.mark.parametrize(
    "url", ["http://images.example/a", "https://user:word@images.example/a", "file:///etc/hosts"]
)
def test_only_https_without_a_user_is_fetched(url):
    assert "only data: URLs and https://" in refusal(Fetcher(frozenset({"images.example"})), url)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "0.0.0.0", "100.64.0.1"],
)
def test_addresses_inside_a_network_are_not_public(address):
    assert not is_public(address)
    assert ipaddress.ip_address(address)


def test_addresses_on_the_internet_are_public():
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_a_host_that_sends_a_header_now_and_then_is_late_all_the_same(host, monkeypatch):
    monkeypatch.setattr(image_fetcher, "DOWNLOAD_SECONDS", 0.5)
    began = time.monotonic()
    refusal(fetcher(host), f"https://{host[0]}/trickle")
    assert time.monotonic() - began < 5
