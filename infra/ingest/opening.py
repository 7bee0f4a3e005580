"""Files opened for what their first bytes say they are: packed or not, UTF-8 or UTF-16, or to be unpacked first."""

from __future__ import annotations

import codecs
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from infra.ingest.reject import BadLineError

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
OTHERS = {  # by their first bytes
    GZIP: "gzip within gzip; unpack it once",
    b"PK\x03\x04": "a ZIP archive or an Excel file; unpack it, or save it as CSV",
    b"BZh": "packed by bzip2; unpack it first, or use gzip",
    b"\xfd7zXZ": "packed by xz; unpack it first, or use gzip",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first, or use gzip",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"ARROW1": "an Arrow file; write it as Parquet",
    b"Obj\x01": "an Avro file; write it as Parquet",
    b"ORC": "an ORC file; write it as Parquet",
    b"SQLite format 3": "an SQLite database; export its table",
    b"%PDF": "a PDF",
    b"\x00\x05\x16\x07": "what a Mac keeps beside a file; leave it out",
    b"\x00\x00\x00\x01Bud1": "what a Mac keeps beside a file; leave it out",
}
MARKS = {  # of byte orders
    codecs.BOM_UTF8: "",
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SNIFFED_BYTES = 64 << 10  # bytes looked at to tell a file's form
CHUNK_BYTES = 256 << 10  # packed bytes taken at once
SWELLING = 200  # how many times its size a file may unpack to; text comes to 3 to 50
SPARE = 64 << 20  # bytes that it may unpack to in any case


class Stream(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end. Raises BadLineError, after all that could be read."""

    def tell(self) -> int:
        """Bytes read so far."""


def regular(path: Path) -> BinaryIO:
    """A file, links followed; raises BadLineError for pipes, sockets and devices, which may never end, and OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise BadLineError("not_a_file", "a pipe, a socket, a device or a folder; only files are read")
    return open(opened, "rb")  # noqa: PTH123 - what was looked at is what is read


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[bytes, Stream]]:
    """The file's first bytes and all of its bytes, those too, as UTF-8. Raises BadLineError."""
    with regular(path) as plain:
        packed = plain.read(len(GZIP)) == GZIP
        plain.seek(0)
        stream: Stream = _Gunzipped(plain) if packed else plain
        head = stream.read(SNIFFED_BYTES)
        for magic, told in OTHERS.items():
            if head.startswith(magic):
                raise BadLineError("unreadable_file", told)
        mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
        encoding = MARKS.get(mark) or _unmarked(head)
        whole: Stream = _Joined(head[len(mark) :], stream)
        if encoding.startswith("utf-16"):
            whole = _Recoded(whole, encoding)
            head = whole.read(SNIFFED_BYTES)
            whole = _Joined(head, whole)
        elif encoding:
            raise BadLineError("unreadable_file", f"its text is in {encoding}; save it as UTF-8")
        yield head[len(mark) :] if not encoding else head, whole


def _unmarked(head: bytes) -> str:
    """UTF-16 without its mark, told by its noughts; nothing else has so many."""
    half = len(head) // 2
    for name, noughts in (("UTF-16 (little-endian)", head[1::2]), ("UTF-16 (big-endian)", head[::2])):
        if half > 1 and noughts.count(0) > half * 0.4 and head.count(0) < len(head) * 0.6:
            return name
    return ""


class _Joined:
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self._head, self._rest, self._told = head, rest, 0

    def read(self, size: int, /) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._rest.read(size)
        self._told += len(data)
        return data

    def tell(self) -> int:
        return self._told


class _Gunzipped:
    """Members one behind the other; gives all that could be unpacked before it says what is wrong."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._size = os.fstat(packed.fileno()).st_size
        self._member = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._told = 0
        self._fault: BadLineError | None = None
        self._begun = False  # the member has had bytes

    def read(self, size: int, /) -> bytes:
        pieces: list[bytes] = []
        while size > 0 and self._fault is None:
            try:
                data = self._more(size)
            except zlib.error:
                data, self._fault = (
                    b"",
                    BadLineError("unreadable_file", "its gzip data is damaged; fetch it anew"),
                )
            except BadLineError as fault:
                data, self._fault = b"", fault
            if data is None:
                break
            pieces.append(data)
            size -= len(data)
        if self._fault and not any(pieces):
            raise self._fault
        given = b"".join(pieces)
        self._told += len(given)
        if self._told > SWELLING * self._size + SPARE:
            self._fault = BadLineError(
                "unreadable_file", f"unpacks to over {SWELLING} times its size; what follows was not read"
            )
        return given

    def tell(self) -> int:
        return self._told

    def _more(self, size: int) -> bytes | None:
        """Some bytes, perhaps none; None at the end."""
        if self._member.eof:
            self._waiting = self._member.unused_data.lstrip(b"\0") or self._packed.read(CHUNK_BYTES).lstrip(
                b"\0"
            )
            if not self._waiting:
                return None
            if not GZIP.startswith(self._waiting[:2]):
                raise BadLineError(
                    "unreadable_file", "what follows its gzip data is none; all before it was read"
                )
            self._member, self._begun = zlib.decompressobj(wbits=31), False
        self._waiting = self._waiting or self._packed.read(CHUNK_BYTES)
        if not self._waiting and not self._begun:
            return None
        if not self._waiting:
            raise BadLineError(
                "unreadable_file", "its gzip data ends early; all before it was read, fetch it anew"
            )
        self._begun = True
        data = self._member.decompress(self._waiting, size)
        self._waiting = self._member.unconsumed_tail
        return data


def recoded(stream: Stream, encoding: str) -> Stream:
    """The stream's text of an encoding without marks as UTF-8; bytes that mean nothing in it become U+FFFD."""
    return _Recoded(stream, encoding, "replace")


class _Recoded:
    """UTF-16 as UTF-8; halves of surrogate pairs come through, for the line that has one to be refused."""

    def __init__(self, stream: Stream, encoding: str, errors: str = "surrogatepass") -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def read(self, size: int, /) -> bytes:
        while data := self._stream.read(size):
            if text := self._decoder.decode(data):
                return bytes(text.encode(errors="surrogatepass"))
        left = self._decoder.getstate()[0]
        self._decoder.reset()
        return b"\xff" if left else b""  # half a sign at the end: its line is no UTF-8

    def tell(self) -> int:
        return self._stream.tell()


def explained(error: Exception) -> str:
    """Why a file could not be read on, in words of the file and not of the library that read it."""
    if isinstance(error, FileNotFoundError):
        return "it is gone, or its link leads nowhere"
    if isinstance(error, PermissionError):
        return "this user may not read it"
    if isinstance(error, pa.ArrowException):
        return "damaged, cut short, or no Parquet; write it anew"
    if isinstance(error, OSError) and error.errno:
        return f"the system says: {os.strerror(error.errno)}"
    return "damaged or cut short; fetch it anew"
