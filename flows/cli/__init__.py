"""The `moderato` command: one verb a file, imported only when it is called, so that --help is quick."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from cyclopts import App, CycloptsError, CycloptsPanel, Group, Parameter

from flows.cli.loading import told_of_loading
from infra.secrets import masked
from infra.stopping import answering_ctrl_c, end, was_asked
from models.domain.errors import UserError

if TYPE_CHECKING:
    from rich.panel import Panel

FAILED, MISUSED = 1, 2
UNHEARD = 1  # what rich ends with
UNAUTHORIZED = 401
ASKED = (
    "Prefect or MLflow asks for a password, and knows this one not: set MODERATO_PASSWORD to the platform's"
)
SAFE_PATH = (
    "PYTHONSAFEPATH"  # our processes find our packages, whatever the folder they start in calls its own
)
GARBAGE = 50_000  # objects between two collections; Python's 700 double the time that large libraries take to import

GROUPS = {  # what people do, and the commands for it, in the order of doing it
    "Begin": {
        "init": "Make a project folder: settings, policies, parts of your own.",
        "demo": "Show three retrainings of a simulated platform.",
    },
    "Data": {
        "ingest": "Bring posts and judgements from files into the lake.",
        "rejects": "Show the rows that ingest refused, or try them again.",
        "simulate": "Write a made-up platform into the lake.",
        "journal": "Show, repair or discard damaged lines of decisions.",
    },
    "Train": {
        "policies": "List, show, check, compare and try policy sets.",
        "check": "Try parts of your own, and models by functional suites.",
        "models": "List families of encoders and their weights, and try these.",
        "plan": "Say what a training run will take, before it is started.",
        "retrain": "From the lake's posts to a champion, or a rejection.",
        "search": "Try presets within a budget, and name the best.",
        "pretrain": "Let encoders learn from posts that nobody judged.",
        "compare": "Put two registered versions side by side.",
    },
    "Serve": {
        "serve": "Serve decisions over HTTP.",
        "keys": "Create, list and revoke keys to the gateway.",
        "score": "Score a file of posts with a registered model.",
        "zero-shot": "Score posts by the words of policies alone.",
        "replay": "Send posts to a gateway, as an app would.",
    },
    "Operate": {
        "up": "Start everything that one machine needs, until Ctrl-C.",
        "status": "Show who decides, the last runs, and what to do next.",
        "canary": "Show, pause, resume, abort or promote a rollout.",
        "rollback": "Let the champion before decide again, at once.",
        "sign": "Print a code that says who approves a version.",
        "schedule": "List when the deployments run, and change it.",
        "worker": "Run what a Prefect server elsewhere has scheduled.",
    },
    "Look after": {
        "doctor": "Say what is well here, what is not, and what to do.",
        "settings": "Show every setting with its value and source.",
        "backup": "Copy everything under the home into a folder.",
        "restore": "Put a backup into a home that holds nothing yet.",
    },
}
VERBS = {verb: purpose for verbs in GROUPS.values() for verb, purpose in verbs.items()}


def _shown(default: object) -> str | None:
    """A default that says something: what is off, empty or the setting's choice needs no word."""
    return None if default is False or default in ("", (), None) else str(default)


def _boxed(error: CycloptsError) -> Panel:
    """A wrong argument in words; of a model of pydantic, by the option's name and not the model's."""
    mistakes: Sequence[Any] = getattr(error.__cause__, "errors", tuple)()
    told = [
        f'Invalid value "{it["input"]}" for "--{"-".join(map(str, it["loc"])).replace("_", "-")}". {it["msg"]}.'
        for it in mistakes
        if it["loc"]
    ]
    return CycloptsPanel("\n".join(told) or error)


app = App(
    name="moderato",
    help="Keeps content-safety models fresh: from posts and judgements to a champion.",
    version=lambda: version("moderato"),
    suppress_keyboard_interrupt=False,
    group_commands=Group("Help", sort_key=len(GROUPS)),
    default_parameter=Parameter(show_default=_shown),
    error_formatter=_boxed,
)
for place, (group, verbs) in enumerate(GROUPS.items()):
    shown = Group(group, sort_key=place)
    for order, (verb, purpose) in enumerate(verbs.items()):
        word = verb.replace("-", "_")
        app.command(f"flows.cli.{word}:{word}", name=verb, help=purpose, group=shown, sort_key=order)
app.register_install_completion_command(help="Let Tab complete commands, options and names.")


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of these words, the shell's when not given.

    An error that the caller can mend is one line and its exit code, never a traceback.
    """
    gc.set_threshold(GARBAGE)
    os.environ.setdefault(SAFE_PATH, "1")
    given = _asked(sys.argv[1:] if words is None else words)
    with answering_ctrl_c():
        _run(given)


def _run(given: Sequence[str]) -> None:
    try:
        _with_all_of_its_help(given)
        with told_of_loading(next(iter(given), "")):
            _called(given)
        sys.stdout.flush()
    except CycloptsError:  # said already, in a box of its own
        sys.exit(MISUSED)
    except UserError as error:
        _tell(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        end()
    except BrokenPipeError:  # who read the output has read enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        sys.exit(UNHEARD)
    except Exception as error:  # noqa: BLE001 - told with its traceback where it is a fault of ours
        from flows.cli.away import away

        told = ASKED if _asks_for_a_password(error) else away(error)
        if not told:
            _tell_where()
            sys.exit(FAILED)
        _tell(told)
        sys.exit(MISUSED)


def _called(words: Sequence[str]) -> None:
    """A library that falls over Ctrl-C hides it behind an error of its own."""
    try:
        app(words, exit_on_error=False)
    except BaseException as error:
        if was_asked():
            raise KeyboardInterrupt from error
        raise


def _asked(words: Sequence[str]) -> Sequence[str]:
    """`moderato help` and `moderato help retrain` are what people try first."""
    return [*words[1:], "--help"] if list(words[:1]) == ["help"] else words


def _with_all_of_its_help(words: Sequence[str]) -> None:
    """A command's own help is its docstring: its line in the list is short, and cyclopts would show that instead."""
    verb = next(iter(words), "")
    if verb in VERBS and app[verb].default_command is not None:
        app[verb].help = None


def _tell(why: str) -> None:
    from flows.cli.plain import said

    print(said(masked(f"moderato: {why}")), file=sys.stderr)  # noqa: T201 - the command's own output


def _tell_where() -> None:
    """The traceback of a fault of ours, which people paste elsewhere: without the passwords of addresses."""
    from traceback import format_exc

    from flows.cli.plain import lines

    print(lines(masked(format_exc())), end="", file=sys.stderr)  # noqa: T201 - the command's own output


def _asks_for_a_password(error: Exception) -> bool:
    """Whether Prefect's client (its answer) or MLflow's (its words) was told 401; neither is imported for it."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == UNAUTHORIZED or f"error code {UNAUTHORIZED}" in str(error)
