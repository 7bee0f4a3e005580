"""`make reference`: the pages of docs/reference, from the command line, the gateway, presets and settings themselves.

A page is written by hand but for what lies between `<!-- made -->` and `<!-- end -->`; its name says what that is.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cyclopts.docs.markdown import generate_markdown_docs
from pydantic.fields import FieldInfo

from flows.cli import GROUPS, app
from infra.gateway.api.app import create_app
from infra.gateway.errors import ROUTING
from infra.settings import PREFIX, Settings
from models.domain.preset import Preset
from models.training.presets import preset_named, preset_names
from tests.benchmarks.frame import Table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
BLOCK = re.compile(r"(<!-- made -->\n).*(<!-- end -->)", re.DOTALL)
SAYS_NOTHING = re.compile(r' \*\[default: (?:""|\(\)|False)\]\*')  # which help leaves out as well
HOW_WE_WERE_CALLED = re.compile(
    r"^(moderato [a-z -]+?) -m [\w.]+", re.MULTILINE
)  # cyclopts takes it for a name
RAISED = "ApiError"
ANSWERED = (RAISED, "error_response", "_refuse")  # the others also pass on what was raised


def commands() -> str:
    """Every command by group: its line, and its arguments with what they take."""
    return "\n".join(_commands(group, list(verbs)) for group, verbs in GROUPS.items())


def _commands(group: str, verbs: list[str]) -> str:
    text = generate_markdown_docs(
        app,
        commands_filter=verbs,
        heading_level=3,
        no_root_title=True,
        skip_preamble=True,
        generate_toc=False,
    )
    text = HOW_WE_WERE_CALLED.sub(r"\1", SAYS_NOTHING.sub("", text))
    return text.replace(f"**{group}**:", f"## {group}", 1)


def http() -> str:
    """Routes with the scope that a key needs, and the errors that they answer with."""
    paths = create_app(Settings()).openapi()["paths"]
    routes = [
        (f"`{method.upper()} {path}`", _scope(operation), " ".join(operation["description"].split()))
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    found = defaultdict(set)
    for status, code in errors():
        found[status].add(f"`{code}`")
    told = [(str(status), ", ".join(sorted(codes))) for status, codes in sorted(found.items())]
    return "\n\n".join(
        [
            "## Routes",
            _table(("route", "scope", "what it answers"), routes),
            "## Errors",
            _table(("status", "codes"), told),
        ]
    )


def _scope(operation: dict[str, Any]) -> str:
    if "security" not in operation:
        return "none, and no key"
    scopes = operation["security"][0]["key"]
    return ", ".join(f"`{scope}`" for scope in scopes) or "any key"


def errors() -> Iterator[tuple[int, str]]:
    """Status and code of every error that the gateway answers with, from its source: OpenAPI's document has no codes.

    Raises ValueError for one whose status or code only a run would tell.
    """
    yield from ROUTING.items()
    for path in sorted((ROOT / "infra" / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (name := _called(node)) in ANSWERED:
                code = next((it.value for it in node.keywords if it.arg == "code"), node.args[-1])
                match node.args[0], code:
                    case ast.Constant(value=int(status)), ast.Constant(value=str(known)):
                        yield status, known
                    case ast.Constant(value=int(status)), ast.JoinedStr(values=parts):
                        yield status, "".join(map(_shown, parts))
                    case _ if name == RAISED:
                        raise ValueError(
                            f"{path}:{node.lineno}: write the status and the code of this {name} there"
                        )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _shown(part: ast.expr) -> str:
    """Of a formatted code, as invalid_<kind>."""
    match part:
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return f"<{name}>"
        case _:
            return str(ast.literal_eval(part))


def settings() -> str:
    """Every setting, its default and its description."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table(("variable", "default", "what it is for"), rows)


def presets() -> str:
    """Every preset by what it changes, and every field with its default."""
    fields = {name: field for name, field in Preset.model_fields.items() if not field.is_required()}
    changes = [(f"`{name}`", _changes(preset_named(name), fields)) for name in preset_names()]
    described = [
        (f"`{name}`", _default(field.default), field.description or "") for name, field in fields.items()
    ]
    return "\n\n".join(
        [
            "## Presets",
            _table(("preset", "what it changes of the defaults"), changes),
            "## Fields",
            _table(("field", "default", "what it is"), described),
        ]
    )


def _changes(preset: Preset, fields: Mapping[str, FieldInfo]) -> str:
    values = {name: getattr(preset, name) for name in fields if getattr(preset, name) != fields[name].default}
    return ", ".join(f"`{name}={_typed(value)}`" for name, value in values.items())


def _default(value: object) -> str:
    return "" if value in ("", None) else f"`{_typed(value)}`"


def _typed(value: object) -> str:
    """As people type it: text+video."""
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return Table(columns=columns, rows=tuple(rows)).markdown()


MADE: dict[str, Callable[[], str]] = {
    "commands": commands,
    "http": http,
    "presets": presets,
    "settings": settings,
}


def filled(page: Path) -> str:
    """A page of the reference with its block made anew."""
    return BLOCK.sub(lambda block: f"{block[1]}{MADE[page.stem]().strip()}\n{block[2]}", page.read_text())


if (
    __name__ == "__main__"
):  # with `--stale`, names the pages that are not what the code says, and changes none
    for path in sorted(FOLDER.glob("*.md")):
        page = filled(path)
        if sys.argv[1:] != ["--stale"]:
            path.write_text(page)
        elif page != path.read_text():
            print(path.name)
