"""The same bytes come out of every way in which people write them."""

import base64
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.forms import FormError, decoded_base64

DATA = bytes(range(256)) + b"\xfb\xff\xfe\xf0"
PLAIN = base64.b64encode(DATA).decode()

SPELLINGS = {
    "plain": PLAIN,
    "unpadded": PLAIN.rstrip("="),
    "padded twice": PLAIN + "==",
    "url-safe": base64.urlsafe_b64encode(DATA).decode(),
    "wrapped at 76": "\n".join(textwrap.wrap(PLAIN, 76)),
    "wrapped by Windows": "\r\n".join(textwrap.wrap(PLAIN, 64)) + "\r\n",
    "with blanks": f"  {PLAIN[:10]} \t{PLAIN[10:]}\n",
    "percent-encoded": quote(PLAIN, safe=""),
    "as Python shows bytes": str(base64.b64encode(DATA)),
    "data URL": f"data:image/png;base64,{PLAIN}",
    "in capitals": f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
    "of another kind": f"data:application/octet-stream;base64,{PLAIN}",
    "with parameters": f"data:image/png;charset=utf-8;name=a.png;base64,{PLAIN}",
    "without a kind": f"data:;base64,{PLAIN}",
    "with a blank": f"data:image/png; base64, {PLAIN}",
    "no base64 at all": "data:image/png," + quote(DATA),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_the_same_bytes(spelling):
    assert decoded_base64(SPELLINGS[spelling]) == DATA


@given(st.binary(max_size=200), st.sampled_from(["\n", "\r\n", "", " "]), st.integers(1, 80), st.booleans())
def test_any_bytes_come_back(data, between, width, safe):
    text = (base64.urlsafe_b64encode if safe else base64.b64encode)(data).decode()
    assert decoded_base64(between.join(textwrap.wrap(text, width))) == data


def test_what_is_longer_than_a_step_is_put_together():
    data = DATA * 8192
    assert decoded_base64(base64.b64encode(data).decode()) == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("%%%", "signs that are not base64's"),
        ("AAAA!AAA", "signs that are not base64's"),
        ("AA=AAAAA", "signs that are not base64's"),
        ("ÄÄÄÄ", "signs that are not base64's"),
        ("AAAAA", "5 signs are no whole number of bytes"),
        ("data:image/png;base64", "a comma before its data"),
    ],
)
def test_what_is_no_base64_says_why(text, says):
    with pytest.raises(FormError, match=says) as refused:
        decoded_base64(text)
    assert refused.value.key == "invalid_base64"
