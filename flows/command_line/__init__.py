"""The `moderato` command: one verb a file, imported only when it is called, so that --help is quick."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from infra.secrets import masked
from infra.stopping import answering_ctrl_c, end, was_asked
from models.errors import UserError

FAILED, MISUSED = 1, 2
UNHEARD = 1  # what rich ends with
UNAUTHORIZED = 401
ASKED = (
    "Prefect or MLflow asks for a password, and knows this one not: set MODERATO_PASSWORD to the platform's"
)
GARBAGE = 50_000  # objects between two collections; Python's 700 double the time that large libraries take to import

VERBS = {
    "init": "Make a project folder: settings, policies to edit, sources and parts of your own.",
    "demo": "Show three retrainings of a simulated platform, and how live traffic tells them apart.",
    "policies": "List, show, check and compare policy sets, and try other objectives before they decide.",
    "check": "Try the parts of your own by the tests that every entry has to pass.",
    "simulate": "Write a made-up platform into the lake.",
    "ingest": "Bring posts and judgements from files into the lake.",
    "rejects": "Show the rows that ingest refused, by reason; let go of them, or try again.",
    "retrain": "Cut a snapshot, validate, train, evaluate, register, and roll out.",
    "plan": "Say what a training run will take, before it is started.",
    "search": "Try presets on one snapshot within a budget, and name the best.",
    "pretrain": "Let encoders learn from the lake's posts, judged or not, and register them as a backbone.",
    "zero-shot": "Score a file of posts for policies by their words alone, or by a few judged posts.",
    "models": "List the families of encoders, their usual weights, size and memory.",
    "score": "Score a file of posts with a registered model.",
    "serve": "Serve decisions over HTTP.",
    "keys": "Create, list and revoke keys to the gateway.",
    "replay": "Send posts to a gateway, as an app would.",
    "canary": "Show the rollout of a challenger, or pause, resume, abort or promote it.",
    "rollback": "Let the champion before decide again, at once.",
    "compare": "Put two registered versions side by side.",
    "sign": "Print a code that says who approves a version.",
    "status": "Show the champion, the challenger and the last runs.",
    "up": "Start Prefect, MLflow, the gateway and the scheduled flows, and keep them running.",
    "worker": "Run what a Prefect server elsewhere has scheduled, on this machine.",
    "schedule": "List when the deployments run, and change it.",
    "doctor": "Say what is well with this machine, what is not, and what to do.",
    "journal": "Show damaged lines of the gateway's journal, and bring them into the lake once they are repaired.",
    "backup": "Copy everything under the home into a folder.",
    "restore": "Put a backup into a home that holds nothing yet.",
    "settings": "Show every setting with its value, source and description.",
}

app = App(
    name="moderato",
    help="Keeps content-safety models fresh: from posts and judgements to a champion.",
    version=lambda: version("moderato"),
    suppress_keyboard_interrupt=False,
)
for verb, purpose in VERBS.items():
    word = verb.replace("-", "_")
    app.command(f"flows.command_line.{word}:{word}", name=verb, help=purpose)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of these words, the shell's when not given.

    An error that the caller can mend is one line and its exit code, never a traceback.
    """
    gc.set_threshold(GARBAGE)
    with answering_ctrl_c():
        _run(words)


def _run(words: Sequence[str] | None) -> None:
    try:
        _called(words)
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
        from flows.command_line.away import away

        told = ASKED if _asks_for_a_password(error) else away(error)
        if not told:
            _tell_where()
            sys.exit(FAILED)
        _tell(told)
        sys.exit(MISUSED)


def _called(words: Sequence[str] | None) -> None:
    """A library that falls over Ctrl-C hides it behind an error of its own."""
    try:
        app(words, exit_on_error=False)
    except BaseException as error:
        if was_asked():
            raise KeyboardInterrupt from error
        raise


def _tell(why: str) -> None:
    from flows.command_line.plain import said

    print(said(masked(f"moderato: {why}")), file=sys.stderr)  # noqa: T201 - the command's own output


def _tell_where() -> None:
    """The traceback of a fault of ours, which people paste elsewhere: without the passwords of addresses."""
    from traceback import format_exc

    from flows.command_line.plain import lines

    print(lines(masked(format_exc())), end="", file=sys.stderr)  # noqa: T201 - the command's own output


def _asks_for_a_password(error: Exception) -> bool:
    """Whether Prefect's client (its answer) or MLflow's (its words) was told 401; neither is imported for it."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status == UNAUTHORIZED or f"error code {UNAUTHORIZED}" in str(error)
