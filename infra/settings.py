"""Settings: one class, read from MODERATO_* variables, a .env file and the project's moderato.toml, built at the entry
point and passed down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from infra.secrets import HIDDEN, host_alone, masked
from infra.settings_files import DOTENV, Dotenv, ProjectFile, where
from models.distributed.resources import TrainingOptions
from models.domain.errors import UserError
from models.domain.project import MARK

PREFIX = "MODERATO_"
S3 = "s3://"  # begins the address of objects; every other one is a folder
USER = "moderato"  # who the password is of
TRUSTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*=[0-9a-f]{64}")  # a Python package, and what its weights are
PASSWORD = re.compile(r"[!-~]{12,200}")  # what a browser, a header and a terminal all pass on unchanged


SECRET = frozenset({"s3_access_key"})  # beside every SecretStr
KEY_ADDRESSES = frozenset({"notify_webhook"})  # who knows such an address may post


class SettingsError(UserError):
    """A setting has a value that cannot be."""


class Platform(BaseSettings):
    """Where things lie, where servers are, and what is judged, trained and rolled out by."""

    project: str = Field(
        default="",
        description="folder of the project, which holds moderato.toml; the nearest one upwards when empty",
    )
    home: Path = Field(default=Path(".moderato"), description="folder that holds all local state")

    lake_uri: str = Field(default="", description="folder or s3:// address of the lake's tables")
    s3_endpoint: str = Field(default="", description="address of an S3 server; empty for AWS")
    s3_region: str = Field(default="us-east-1", description="region of the S3 server")
    s3_access_key: str = Field(
        default="", description="S3 access key id; empty for the machine's own credentials"
    )
    s3_secret_key: SecretStr | None = Field(default=None, description="S3 secret access key")

    mlflow_tracking_uri: str = Field(
        default="", description="MLflow server or database; empty for SQLite under home"
    )
    mlflow_artifact_uri: str = Field(
        default="", description="where a new MLflow experiment keeps its artifacts"
    )
    mlflow_url: str = Field(
        default="", description="where people open MLflow, for links on Prefect's pages; empty for no links"
    )
    gateway_url: str = Field(default="", description="where people reach the gateway, for links")
    experiment: str = Field(default="moderato", description="MLflow experiment of the retraining runs")
    registered_model: str = Field(default="moderato", description="name in the MLflow registry")

    prefect_api_url: str = Field(
        default="", description="Prefect server; empty starts a temporary one for each run"
    )
    prefect_port: int = Field(
        default=4200, ge=1, le=65535, description="port of `moderato up`'s Prefect server"
    )
    mlflow_port: int = Field(
        default=5000, ge=1, le=65535, description="port of `moderato up`'s MLflow server"
    )
    gateway_port: int = Field(default=8000, ge=1, le=65535, description="port of `moderato up`'s gateway")
    password: SecretStr | None = Field(
        default=None,
        description="password that Prefect and MLflow ask for, of the user moderato; empty for none",
    )
    allowed_hosts: str = Field(
        default="",
        description="other hosts, with their ports, under which people open Prefect and MLflow, separated by commas",
    )
    landing_uri: str = Field(
        default="", description="folder or s3:// address that the deployment `ingest` takes new files from"
    )
    landing_source: str = Field(default="jsonl", description="source that the files of the landing zone are")
    notify_webhook: str = Field(
        default="", description="address that is told what became of a retraining; empty for none"
    )
    notify_slack: SecretStr | None = Field(
        default=None, description="Slack's incoming webhook, told the same"
    )
    result_uri: str = Field(
        default="", description="folder where finished steps keep their results, for resuming"
    )

    policy_set: str = Field(
        default="community_guidelines", description="policy set that posts are judged against"
    )
    preset: str = Field(
        default="compact",
        description="model preset that retraining uses, with changed fields behind it: compact,epochs=5",
    )
    trusted_weights: str = Field(
        default="",
        description="weights of Python packages that may be read though no entry knows them: NAME=SHA256, separated by "
        "commas; the refusal says the digest",
    )
    plan: str = Field(default="steady", description="plan of the canary: its stages and how strict they are")


class Settings(TrainingOptions, Platform):
    """Every setting. A URI left empty lies under `home`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    training_uri: str = Field(
        default="",
        description="folder that all machines of the cluster share, or s3:// address, for the checkpoints of a "
        "training on it; empty for a Ray on this machine",
    )
    threads: int = Field(
        default=0, ge=0, description="threads for training and scoring; 0 for what suits the machine"
    )
    card_mistakes: int = Field(
        default=10,
        ge=0,
        le=100,
        description="false alarms, and misses, whose posts the model card and MLflow show; 0 keeps posts out of them",
    )
    card_pdf: bool = Field(
        default=True,
        description="whether a registered model's card is kept as PDF too, where Chromium is installed",
    )
    device_hour_price: float = Field(
        default=0.0,
        ge=0,
        description="what one device costs in an hour, for the cost of training; 0 where nobody says",
    )

    gateway_rate: float = Field(
        default=5000.0, gt=0, description="requests a second of one key that each gateway process answers"
    )
    gateway_max_body: int = Field(default=33_554_432, gt=0, description="bytes of a request's body at most")
    gateway_decode_seconds: float = Field(
        default=20.0,
        gt=0,
        description="seconds that decoding one picture or video may take; a key may have twice that under way",
    )
    gateway_image_hosts: str = Field(
        default="",
        description="hosts that images may be fetched from, separated by commas; empty for none",
    )
    gateway_video_uri: str = Field(
        default="",
        description="folder or s3:// address under which a request's video_key lies; empty for none",
    )
    gateway_batch: int = Field(default=64, gt=0, description="posts that the gateway scores together at most")
    gateway_queue: int = Field(
        default=1024, gt=0, description="posts that may wait to be scored; more are turned away with 503"
    )
    gateway_replica_load: float = Field(
        default=32.0,
        gt=0,
        description="requests under way that a replica on Ray shall have; more add a replica",
    )
    gateway_refresh_seconds: float = Field(
        default=2.0, gt=0, description="seconds between two looks at the registry and the keys"
    )
    gateway_drain_seconds: float = Field(
        default=30.0, gt=0, description="seconds that accepted requests have to end when the gateway stops"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over `.env`, and that over the project's file; `_env_file=None` reads no file."""
        if getattr(dotenv_settings, "env_file", None) != DOTENV:
            return init_settings, env_settings, dotenv_settings
        return init_settings, env_settings, Dotenv(settings_cls), ProjectFile(settings_cls, _secrets())

    @field_validator("trusted_weights")
    @classmethod
    def _names_with_digests(cls, trusted: str) -> str:
        for pair in filter(str.strip, trusted.split(",")):
            if not TRUSTED.fullmatch(pair.strip()):
                raise ValueError(f"{pair.strip()[:80]!r} is no NAME=SHA256, with 64 hexadecimal digits")
        return trusted

    @field_validator("password")
    @classmethod
    def _is_hard_to_guess(cls, password: SecretStr | None) -> SecretStr | None:
        given = password.get_secret_value() if password else ""
        if given and not PASSWORD.fullmatch(given):
            raise ValueError(
                f"{len(given)} characters; take at least 12 ASCII letters, digits or signs, no blanks"
            )
        return password if given else None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_first_mistake(error)) from None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What a traceback or a log shows of the settings: the same as `explain`."""
        for name, value in super().__repr_args__():
            yield name, _shown(name, value) if name and isinstance(value, str) else value

    @property
    def credentials(self) -> str:
        """`user:password` for Prefect and MLflow; empty where nothing asks for one."""
        return f"{USER}:{self.password.get_secret_value()}" if self.password else ""

    @property
    def lake(self) -> str:
        return self.lake_uri or str(self.home.absolute() / "lake")

    @property
    def tracking_uri(self) -> str:
        return self.mlflow_tracking_uri or f"sqlite:///{self.home.absolute() / 'mlflow.db'}"

    @property
    def artifact_uri(self) -> str:
        return self.mlflow_artifact_uri or (self.home.absolute() / "mlflow-artifacts").as_uri()

    @property
    def results(self) -> Path:
        return Path(self.result_uri) if self.result_uri else self.home.absolute() / "results"

    @property
    def landing(self) -> str:
        return self.landing_uri or str(self.home.absolute() / "landing")

    @property
    def image_hosts(self) -> frozenset[str]:
        return frozenset(host.strip().lower() for host in self.gateway_image_hosts.split(",") if host.strip())

    @property
    def trusted_weights_digests(self) -> dict[str, str]:
        """By the name of the package."""
        pairs = (pair.partition("=") for pair in self.trusted_weights.split(",") if pair.strip())
        return {name.strip(): digest.strip() for name, _, digest in pairs}

    @property
    def work(self) -> Path:
        """Where unfinished work is kept, so that a killed run goes on from it."""
        return self.home.absolute() / "work"

    @property
    def storage_options(self) -> dict[str, str]:
        """Lance's options for `s3://` addresses; empty values are left to the machine's own configuration."""
        options = {"aws_region": self.s3_region, "aws_access_key_id": self.s3_access_key}
        options["aws_secret_access_key"] = self.s3_secret_key.get_secret_value() if self.s3_secret_key else ""
        options["aws_endpoint"] = self.s3_endpoint
        options["allow_http"] = "true" if self.s3_endpoint.startswith("http://") else ""
        return {name: value for name, value in options.items() if value}

    def options_for(self, uri: str) -> dict[str, str]:
        """Storage options for an address: none for a folder."""
        return self.storage_options if uri.startswith(S3) else {}


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors()[0]
    field = str(mistake["loc"][0])
    shown = repr(_shown(field, str(mistake["input"])))
    why = mistake["msg"].lower().removeprefix("value error, ")
    before = [label for label, values in _sources().items() if field in values]
    line = where(field) if before[:1] == [MARK] else ""
    named = f"{line}: {field}" if line else f"{PREFIX}{field.upper()}"
    return f"{named} is {shown}: {why}; see `moderato settings --help`"


def _secrets() -> frozenset[str]:
    """Settings that no file holds which others read."""
    told = (name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
    return frozenset({*told, *SECRET, *KEY_ADDRESSES})


def _shown(field: str, value: str) -> str:
    """A setting's value as people may see it."""
    known = Settings.model_fields.get(field)
    if not value:
        return ""
    if field in SECRET or (known is not None and "SecretStr" in str(known.annotation)):
        return HIDDEN
    return host_alone(value) if field in KEY_ADDRESSES else masked(value)


@dataclass(frozen=True)
class Setting:
    """One row of the settings table; `value` is masked where it is secret."""

    variable: str
    value: str
    source: str
    description: str


def explain(settings: Settings) -> Iterator[Setting]:
    """Every setting with its value, where the value came from, and what it is for."""
    sources = _sources()
    for name, field in Settings.model_fields.items():
        origin = next((label for label, values in sources.items() if name in values), "default")
        value = getattr(settings, name)
        shown = _shown(name, "" if value is None else str(value))
        yield Setting(PREFIX + name.upper(), shown, origin, field.description or "")


def _sources() -> dict[str, dict[str, Any]]:
    """What each source says; the first that says something wins."""
    return {
        "environment": EnvSettingsSource(Settings)(),
        DOTENV: Dotenv(Settings)(),
        MARK: ProjectFile(Settings, _secrets())(),
    }
