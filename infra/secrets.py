"""What is secret inside texts that people see, masked by its form: passwords, tokens, keys, headers."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "**********"  # as pydantic shows a SecretStr

SAYS_SO = r"[\w.-]*(?:token|secret|passw|pwd|api_?key|access_?key|signature|credential)[\w.-]*"
FORMS = tuple(
    (re.compile(form), shown)
    for form, shown in (
        # user:password@ of an address; the user stays, what stands alone may be a token
        (r"(://)([^\s/@:'\"]*):[^\s/'\"]*@", rf"\1\2:{HIDDEN}@"),
        (r"(://)(?!" + re.escape(HIDDEN) + r")[^\s/@:'\"]+@", rf"\1{HIDDEN}@"),
        # an incoming webhook: who knows its path may post
        (r"(?i)(https?://[^\s/'\"]+(?:/[\w.~%-]+)*?/(?:services|(?:in)?(?:web)?hook\w*|triggers?)/)[^\s'\"?]+",
         rf"\1{HIDDEN}"),
        # names that say so: in a query, as JSON, as an assignment
        (rf"(?i)([?&;](?:{SAYS_SO}|sig|auth|key|code)=)[^&\s'\"#]+", rf"\1{HIDDEN}"),
        (rf"(?i)(['\"]{SAYS_SO}['\"]: ?['\"])[^'\"]+", rf"\1{HIDDEN}"),
        (r"(?i)\b([\w.-]*(?:secret|passw|pwd)[\w.-]* ?= ?['\"]?)[^\s'\",;&}]+", rf"\1{HIDDEN}"),
        (r"(?i)\b(basic|bearer) [\w.~+/-]{8,}=*", rf"\1 {HIDDEN}"),
        (r"\b(mod_[0-9a-f]{12}_)[\w-]+", rf"\1{HIDDEN}"),  # a key to the gateway; its id may be seen
        (r"\b((?:AKIA|ASIA)[A-Z0-9]{2})[A-Z0-9]{10,}", rf"\1{HIDDEN}"),
    )
)  # fmt: skip


def masked(text: str) -> str:
    """The text without the secrets in it; masking it again changes nothing."""
    for form, shown in FORMS:
        text = form.sub(shown, text)
    return text


def host_alone(address: str) -> str:
    """Of an address that is a key as a whole: where it leads, and no more."""
    found = urlsplit(address)
    host = found.netloc.rpartition("@")[2]
    return f"{found.scheme}://{host}/{HIDDEN}" if host else HIDDEN


def mask_logs() -> None:
    """Let every record that this process logs from here on be masked, whatever handler writes it.

    At the records' own factory, for a filter sees those of one logger alone, and Prefect sends its logs to a server.
    """
    made = logging.getLogRecordFactory()
    if getattr(made, "masks", False):
        return

    def masking(*args: Any, **options: Any) -> logging.LogRecord:
        return _masked(made(*args, **options))

    masking.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masking)


def _masked(record: logging.LogRecord) -> logging.LogRecord:
    try:
        told = record.getMessage()
    except (TypeError, ValueError):  # a call with the wrong arguments, which the handler reports
        return record
    if masked(told) != told:
        record.msg, record.args = masked(told), ()
    if record.exc_info:
        record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
    return record
