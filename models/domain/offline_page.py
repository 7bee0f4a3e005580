"""A page of its own that people open as a file: no script, no other host, nothing that a text in it could begin."""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --well: #1a7f37; --bad: #c9302c; --fair: #9a6700; }
* { box-sizing: border-box; }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.25rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h3 { font-size: 1rem; }
p, li { max-width: 65rem; overflow-wrap: break-word; }
code { font-size: .9em; background: var(--soft); border-radius: .25rem; padding: 0 .3rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; max-width: 100%; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--soft); font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
dl { margin: 0; }
.row { display: grid; grid-template-columns: 7rem minmax(0, 1fr) minmax(0, 1fr); gap: .25rem 1.25rem;
       padding: .6rem 0; }
.row + .row { border-top: 1px solid var(--line); }
.row > * { margin: 0; overflow-wrap: anywhere; }
.row small { display: block; opacity: .7; }
.met, .failed, .warning { font-weight: 600; }
.met { color: var(--well); } .failed { color: var(--bad); } .warning { color: var(--fair); }
@media screen and (max-width: 40rem) {
  body { margin: 1rem auto; padding: 0 1rem; } .row { grid-template-columns: 1fr; }
}
@media screen and (prefers-color-scheme: dark) { :root { --well: #57ab5a; --bad: #f47067; --fair: #c69026; } }
"""


def offline_page(title: str, body: str, style: str = "") -> str:
    """HTML around `body`, whose texts are escaped already; the title is escaped here. `style` is the page's own CSS."""
    css = STYLE + style
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(css)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)}</title>\n<style>{css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _policy(css: str) -> str:
    """What the page may do: look like this, and show the pictures within it."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
