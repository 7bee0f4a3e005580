"""Tests on several workers (`make test`): what is one piece, which pieces begin first, and a core for each worker.

A file is one piece, so that its fixtures are made once; `xdist_group` joins tests that share something dearer. A run is
as long as its last piece: those with a test marked `minutes` begin first, then those with most tests marked `slow`.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from typing import Any

import pytest

from flows.cli import GARBAGE

SHOWN = 40  # bytes of a parameter that a test's name may show
ON_A_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if ON_A_WORKER:
    # threads of two workers that wait for each other in busy loops take longer than one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    gc.set_threshold(GARBAGE)  # as the command does: a worker holds all that every library has made


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not ON_A_WORKER:
        return
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    pieces = {item: item.get_closest_marker("xdist_group").args[0] for item in items}
    slow = Counter(piece for item, piece in pieces.items() if item.get_closest_marker("slow"))
    first = {piece for item, piece in pieces.items() if item.get_closest_marker("minutes")}
    items.sort(key=lambda item: (pieces[item] not in first, -slow[pieces[item]]))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are called as their argument is: every worker has to find the same names, and a file may hold its time."""
    return argname if isinstance(val, bytes) and len(val) > SHOWN else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Refuse a pytest on which xdist's groups have no effect: every worker would make every fixture."""
    alone = next((name for name in ids if "@" not in name), None)
    if alone is not None and node.config.getoption("dist") == "loadgroup":
        pytest.exit(f"{alone} is in no group: this pytest and this pytest-xdist do not fit", returncode=4)
