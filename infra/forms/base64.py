"""Base64 as people send it: in a data: URL or bare, wrapped, unpadded, URL-safe, percent-encoded."""

from __future__ import annotations

from binascii import Error, a2b_base64
from urllib.parse import unquote, unquote_to_bytes

from infra.forms.form_error import FormError

KEY = "invalid_base64"
SPACES = "\n\r\t "
CHUNK_CHARACTERS = 1 << 20  # characters decoded at once, a multiple of 4: other threads go on in between
URL_ALPHABET = {"-": "+", "_": "/"}  # RFC 4648's alphabet for URLs
REPR = ("b'", 'b"')  # how Python shows bytes: str(b64encode(...)) leaves it


def decoded_base64(text: str) -> bytes:
    """The bytes that a text stands for. Raises FormError.

    What a data: URL says of their kind is not looked at: the bytes themselves tell it.
    """
    text = text.strip()
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma:
            raise FormError(KEY, "a data: URL has a comma before its data: data:image/png;base64,AAAA")
        if "base64" not in [part.strip().lower() for part in head.split(";")[1:]]:
            return unquote_to_bytes(text)
    return _decoded(_bare(text))


def _bare(text: str) -> str:
    """In the standard alphabet, without padding or anything between."""
    if text.startswith(REPR) and text[-1:] == text[1]:
        text = text[2:-1]
    if "%" in text:
        text = unquote(text)
    for space in SPACES:
        text = text.replace(space, "")
    for sign, standard in URL_ALPHABET.items():
        text = text.replace(sign, standard)
    return text.rstrip("=")


def _decoded(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    try:
        return b"".join(
            a2b_base64(padded[start : start + CHUNK_CHARACTERS], strict_mode=True)
            for start in range(0, len(padded), CHUNK_CHARACTERS)
        )
    except (Error, ValueError):  # ValueError: a sign outside of ASCII
        pass
    if len(text) % 4 == 1:
        raise FormError(KEY, f"{len(text)} signs are no whole number of bytes: it was cut off")
    raise FormError(KEY, "it holds signs that are not base64's: letters, digits, + and /, or - and _")
