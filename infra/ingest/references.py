"""What a row's picture or video is: a path beside its file, spelled on whatever machine, or base64."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

from infra.forms import FormError, decoded_base64
from infra.ingest.reject import BadLineError, shorten

Fetch = Callable[[str], bytes]  # the bytes of a path beside the file; raises BadLineError

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
LONGEST_PATH = 1024  # characters; base64 of any picture is longer than most paths, and no name has its signs
SMALLEST = 40  # bytes that a picture has at least
SIGNS = re.compile(r"[A-Za-z0-9+/_\-=\s%]*")
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}\s*$")


def named(value: str, kind: str, fetch: Fetch) -> bytes:
    """The bytes that a row names, by a path or as base64; raises BadLineError."""
    given = value.strip()
    if given[:5].lower() == "data:":
        return _decoded(given, kind)
    if ADDRESS.match(given[:60]):
        raise BadLineError(f"missing_{kind}", f"{shorten(given)[:60]} is an address; give a path beside the file, or base64")
    if not _may_be_path(given):
        return _decoded(given, kind)
    try:
        return fetch(given)
    except BadLineError as error:
        if error.args[0] not in {"missing_image", "path_leaves_folder"} or SUFFIX.search(given):
            raise BadLineError(error.args[0].replace("image", kind), error.args[1]) from None
        return _decoded(given, kind)


def _may_be_path(given: str) -> bool:
    return len(given) <= LONGEST_PATH and "\n" not in given


def _decoded(given: str, kind: str) -> bytes:
    try:
        data = decoded_base64(given)
    except FormError as error:
        shown = shorten(given) if len(given) < LONGEST_PATH else f"{len(given)} characters"
        raise BadLineError(f"broken_{kind}", f"{shown[:60]} is no file beside it, nor base64: {error.detail}") from None
    if len(data) < SMALLEST:
        raise BadLineError(f"broken_{kind}", f"{shorten(given)[:60]} is no file beside it, nor a picture in base64")
    return data


def spellings(reference: str) -> Iterator[str]:
    """The path as it is, then as another machine may have meant it; none twice."""
    plain = reference.strip()
    given = [reference, plain, plain.replace("\\", "/")]
    given += [unquote(each) for each in given[1:]]
    given += [each.partition("?")[0] for each in given[1:]]
    forms = [unicodedata.normalize(form, each) for each in given for form in ("NFC", "NFD")]
    yield from dict.fromkeys(each for each in (*given, *forms) if each and "\0" not in each)


def alike(name: str, among: Iterable[str]) -> str | None:
    """The one name that differs in its case or in how its letters are composed only; None for none or several."""
    wanted = _folded(name)
    found = [other for other in among if _folded(other) == wanted]
    return found[0] if len(found) == 1 else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def within(folder: str, reference: str) -> str:
    """The key of an object below the folder of another; raises BadLineError for one that lies elsewhere."""
    key = posixpath.normpath(posixpath.join(folder, reference))
    if reference.startswith("/") or (folder and not key.startswith(folder + "/")) or key.startswith(".."):
        raise BadLineError("path_leaves_folder", shorten(reference))
    return key
