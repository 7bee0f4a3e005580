"""What is well with this machine and what is not, each with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from infra.home import standing_on
from infra.knock import MAX_ERROR_CHARACTERS
from infra.objects import UnreachableError
from infra.platform.ports import is_free
from infra.platform.service import request
from infra.secrets import masked
from infra.settings import Settings
from models.domain.errors import UserError

if TYPE_CHECKING:
    from infra.rollout import Store

GIBIBYTE = 2**30
LEAST_FREE, COMFORTABLE = 2 * GIBIBYTE, 10 * GIBIBYTE
PACKAGES = ("prefect", "mlflow", "torch", "lightning", "great-expectations", "pylance", "onnxruntime")

Verdict = Literal["well", "worth knowing", "to mend"]


@dataclass(frozen=True)
class Diagnosis:
    """`advice` says what to do; empty where all is well."""

    subject: str
    verdict: Verdict
    seen: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Every check, one after another; a check that fails is a finding, never an error."""
    for check in (_versions, _stores, _journal, _ports, _gpu, _disk):
        yield from check(settings)


def _versions(settings: Settings) -> Iterator[Diagnosis]:  # noqa: ARG001 - every check takes the settings
    for package in PACKAGES:
        try:
            yield Diagnosis(package, "well", version(package))
        except PackageNotFoundError:
            yield Diagnosis(package, "to mend", "missing", "install the lock anew: make install")


def _stores(settings: Settings) -> Iterator[Diagnosis]:
    from infra.rollout import Store

    store = Store(settings)
    yield _tried("lake", settings.lake, lambda: _lake(settings), "MODERATO_LAKE_URI and the S3 settings")
    yield _tried("MLflow", settings.tracking_uri, lambda: _mlflow(store), "MODERATO_MLFLOW_TRACKING_URI")
    yield from _champion(store)
    api = settings.prefect_api_url
    if api:
        asked = "MODERATO_PREFECT_API_URL and MODERATO_PASSWORD"
        yield _tried("Prefect", api, lambda: _prefect(settings, api), asked)
    standing = standing_on(settings.home)
    if standing:
        yield Diagnosis("platform", "well", standing.where)
    else:
        yield Diagnosis("platform", "worth knowing", "none runs on this home", "moderato up starts one")


def _tried(name: str, address: str, ask: Callable[[], str], setting: str) -> Diagnosis:
    try:
        return Diagnosis(name, "well", masked(f"{address}: {ask()}"))
    except Exception as error:  # noqa: BLE001 - whatever a store's client raises is what the person has to read
        said = str(error.__cause__ if isinstance(error, UnreachableError) else error).strip()
        first = said.splitlines()[0] if said else type(error).__name__
        told = masked(f"{address}: {first}")
        return Diagnosis(name, "to mend", told[:MAX_ERROR_CHARACTERS], f"start it, or check {setting}")


def _lake(settings: Settings) -> str:
    from infra.lake import open_lake

    posts = open_lake(settings).posts
    return f"{posts.open().count_rows():,} posts" if posts.exists() else "empty: moderato ingest fills it"


def _mlflow(store: Store) -> str:
    from infra.registry import is_empty

    if is_empty(store.settings):
        return "nothing registered yet"
    champion = store.registry.champion()
    return f"champion version {champion.version}" if champion else "no champion: moderato retrain"


def _champion(store: Store) -> Iterator[Diagnosis]:
    """Whether who decides is whole. A store that is away was found above."""
    from infra.registry import is_empty
    from infra.rollout import CHOICES, incident

    try:
        vanished = incident(store, deep=True)
        if not is_empty(store.settings):
            _ = store.registry.experiment_id
    except UnreachableError:
        return
    except UserError as error:
        yield Diagnosis("champion", "to mend", str(error), "follow what it says")
    except Exception:  # noqa: BLE001 - whatever a store's client raises
        return
    else:
        if vanished:
            yield Diagnosis("champion", "to mend", vanished.seen, CHOICES)


def _prefect(settings: Settings, api: str) -> str:
    import urllib.request

    asked = request(f"{api}/admin/version", settings.credentials)  # /health asks for no password
    with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - the operator's own address
        return f"answers {answer.status}"


def _journal(settings: Settings) -> Iterator[Diagnosis]:
    from infra.gateway import JOURNAL, count_aside

    lines = count_aside(settings.home / JOURNAL)
    if lines:
        seen = (
            f"{lines:,} damaged lines were put aside: decisions that were given out and are not in the lake"
        )
        yield Diagnosis(
            "journal", "to mend", seen, "see them with moderato journal; retry or discard them there"
        )
    else:
        yield Diagnosis("journal", "well", "no damaged lines")


def _ports(settings: Settings) -> Iterator[Diagnosis]:
    if standing_on(settings.home):
        return
    for name in ("prefect", "mlflow", "gateway"):
        port = getattr(settings, f"{name}_port")
        if is_free("127.0.0.1", port):
            yield Diagnosis(f"port {port}", "well", f"free for {name}")
        else:
            advice = f"stop what listens there, or set MODERATO_{name.upper()}_PORT"
            yield Diagnosis(f"port {port}", "to mend", f"in use; moderato up wants it for {name}", advice)


def _gpu(settings: Settings) -> Iterator[Diagnosis]:  # noqa: ARG001 - every check takes the settings
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        yield Diagnosis("GPU", "well", names)
    else:
        yield Diagnosis("GPU", "worth knowing", "none: training and serving use the processor")


def _disk(settings: Settings) -> Iterator[Diagnosis]:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    seen = f"{free / GIBIBYTE:.1f} GiB free under {settings.home}"
    if free < LEAST_FREE:
        yield Diagnosis("disk", "to mend", seen, "make room: the gateway refuses posts when the disk is full")
    elif free < COMFORTABLE:
        yield Diagnosis(
            "disk", "worth knowing", seen, "snapshots and runs grow; the deployment compact helps"
        )
    else:
        yield Diagnosis("disk", "well", seen)
