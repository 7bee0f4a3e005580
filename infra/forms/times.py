"""When a post was made: a moment that can be meant in one way only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from infra.forms.form_error import FormError

KEY = "invalid_time"
MAX_TIME_CHARACTERS = 100  # characters
WANTED = "write 2026-11-02T10:00:00Z, or with its offset as +05:30"
NUMBER = re.compile(
    r"\d{9,19}(\.\d+)?"
)  # fewer digits are no moment since 1973, but a date written together or a nought
UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))  # below which a number counts so many a second
NANOSECONDS = 10**9  # a second
ISO = re.compile(r"\d{4}-(\d{2}-\d{2}|W\d{2}-\d)([T ].*)?|\d{8}T.*", re.IGNORECASE)
ZONED = re.compile(r"(?P<time>.*\d) ?(?P<zone>[A-Za-z]+(/[A-Za-z0-9_+-]+)+)")
ABBREVIATED = re.compile(r".*\d ?\(?(?P<zone>[A-Za-z]{1,5})\)?")
UNIVERSAL = re.compile(r" ?(UTC|GMT|UT|Zulu)$", re.IGNORECASE)
TWITTER = "%a %b %d %H:%M:%S %z %Y"
MAILED = re.compile(r"([A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}(:\d{2})? ([+-]\d{4}|GMT|UT)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """The moment in UTC. Raises FormError, with what to write instead.

    ISO 8601 with an offset, Z or a zone's full name (Europe/Berlin); without one it is UTC, a date its midnight. A
    bare number of nine digits or more counts from 1970: seconds below 10^11, milliseconds below 10^14, microseconds
    below 10^17, else nanoseconds. Dates of mails and of Twitter. Abbreviations of zones are refused: CST is in America,
    in China and in Cuba.
    """
    given = text.strip()
    try:
        found = _read(given[: MAX_TIME_CHARACTERS + 1])
    except (ValueError, OverflowError) as error:
        if isinstance(error, FormError):
            raise
        raise FormError(KEY, f"{given[:60]!a} is no time; {WANTED}") from None
    if found < EPOCH:
        raise FormError(KEY, f"{given[:60]!a} is before 1970; leave out a time that is not known")
    return found


def _read(text: str) -> datetime:
    if NUMBER.fullmatch(text):
        return _counted(text)
    if MAILED.fullmatch(text):
        return parsedate_to_datetime(text).astimezone(UTC)
    if ISO.fullmatch(text):
        return _iso(UNIVERSAL.sub("Z", text.replace(",", ".")).upper() if not ZONED.fullmatch(text) else text)
    return datetime.strptime(text, TWITTER).astimezone(UTC)


def _counted(text: str) -> datetime:
    whole, _, fraction = text.partition(".")
    unit = next((unit for below, unit in UNITS if int(whole) < below), NANOSECONDS)
    microseconds = int(whole) * 10**6 // unit + (int(fraction[:6].ljust(6, "0")) // unit if fraction else 0)
    return EPOCH + timedelta(microseconds=microseconds)


def _iso(text: str) -> datetime:
    if zoned := ZONED.fullmatch(text):
        return _in_zone(zoned["time"], zoned["zone"])
    short = ABBREVIATED.fullmatch(text)
    if short and short["zone"] != "Z":
        raise FormError(KEY, f"{short['zone']} is the name of several zones; {WANTED}")
    late = timedelta()
    if leap := re.fullmatch(r"(.*[T ]\d{2}:\d{2}:)60(.*)", text):  # a leap second is the next minute's first
        text, late = f"{leap[1]}59{leap[2]}", timedelta(seconds=1)
    if midnight := re.fullmatch(r"(.*[T ])24(:00(:00(\.0+)?)?.*)", text):
        text, late = f"{midnight[1]}00{midnight[2]}", timedelta(days=1)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC) + late


def _in_zone(time: str, zone: str) -> datetime:
    """Raises FormError for an hour that clocks skip or show twice."""
    try:
        place = ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise FormError(KEY, f"{zone[:60]!a} is no time zone; {WANTED}") from None
    local = datetime.fromisoformat(time.strip().upper()).replace(tzinfo=place)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise FormError(KEY, f"clocks in {zone} skip that hour or show it twice; {WANTED}")
    return local.astimezone(UTC)
