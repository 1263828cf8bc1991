"""Who may read the page: every way of asking that is refused, and what a permitted answer carries."""

import pytest

from infoplane.serve.guard import Guard

pytestmark = pytest.mark.extra
testclient = pytest.importorskip("starlette.testclient")
responses = pytest.importorskip("starlette.responses")

TOKEN = "a-token-of-the-test"
HERE = "http://127.0.0.1:7435"


def client(base=HERE, any_address=False):
    inner = responses.PlainTextResponse("the page", headers={"content-security-policy": "default-src *"})
    guard = Guard(inner, token=TOKEN, names=("localhost", "127.0.0.1", "::1"), any_address=any_address)
    return testclient.TestClient(guard, base_url=base)


def test_the_token_in_the_address_then_in_the_cookie():
    asking = client()
    first = asking.get(f"/?token={TOKEN}")
    assert (first.status_code, first.text) == (200, "the page")
    cookie = first.headers["set-cookie"]
    for part in (TOKEN, "HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie
    again = asking.get("/")
    assert again.status_code == 200
    assert "set-cookie" not in again.headers


def test_the_token_in_a_header():
    assert client().get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client().get("/", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401


WRONG = ["", "?token=", "?token=wrong", f"?token={TOKEN}x", f"?token={TOKEN[:-1]}", "?token=é"]


@pytest.mark.parametrize("query", WRONG)
def test_without_the_token_nothing_is_said(query):
    refused = client().get(f"/{query}")
    assert refused.status_code == 401
    assert "the page" not in refused.text
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("cookie", ["infoplane-00000000=x", "=", "\x01", 'infoplane="', "a=b; " * 50])
def test_other_cookies_are_no_token(cookie):
    assert client().get("/", headers={"Cookie": cookie}).status_code == 401


STRANGE = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7435", "", "0.0.0.0", "192.168.0.9"]


@pytest.mark.parametrize("host", STRANGE)
def test_another_host_name_is_refused_also_with_the_token(host):
    assert client().get(f"/?token={TOKEN}", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7435", "LOCALHOST", "127.0.0.1:1", "[::1]:7435", "[::1]"])
def test_the_names_of_this_machine_are_ours_whatever_the_port_of_a_tunnel(host):
    assert client().get(f"/?token={TOKEN}", headers={"Host": host}).status_code == 200


def test_on_an_open_address_numbers_are_ours_and_names_are_not():
    asking = client(any_address=True)
    for host, status in (("192.168.0.9:7435", 200), ("[fe80::1]:80", 200), ("evil.example", 403)):
        assert asking.get(f"/?token={TOKEN}", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:7435"])
def test_another_origin_is_refused(origin):
    assert client().get(f"/?token={TOKEN}", headers={"Origin": origin}).status_code == 403
    assert client().get(f"/?token={TOKEN}", headers={"Origin": HERE}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_the_page_can_only_be_read(method):
    assert client().request(method, f"/?token={TOKEN}").status_code == 405


def test_every_answer_has_the_headers_of_a_careful_page():
    for answer in (client().get(f"/?token={TOKEN}"), client().get("/"), client().post("/")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
