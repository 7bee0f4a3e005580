"""What lies at an address, a folder or `s3://bucket/prefix`: the one place that knows both, and the clients of S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from infra.secrets import masked
from infra.settings import S3, Settings
from models.domain.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pyarrow.fs import FileSystem

ATTEMPTS = 5  # with exponential back-off between them


class UnreachableError(UserError):
    """An address whose bucket, keys or server does not answer as it should."""


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    etag: str


class Store(Protocol):
    """Files under an address, by keys relative to it."""

    def read(self, key: str, limit: int) -> bytes:
        """At most `limit` bytes; raises FileNotFoundError, and FormError, UnreachableError or OSError."""


def is_s3(address: str) -> bool:
    """Whether it names objects; else it is a folder."""
    return address.startswith(S3)


def split(address: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = address.removeprefix(S3).partition("/")
    return bucket, key


def store_at(settings: Settings, address: str) -> Store:
    """What lies at an address; whether anything does is known once it is read."""
    return Prefix.of(settings, address) if is_s3(address) else Folder(Path(address))


def arrow_file_system(settings: Settings, address: str) -> tuple[str, FileSystem | None]:
    """The address for who takes pyarrow's file systems and reads no setting of ours: a path, and None for a folder."""
    if not is_s3(address):
        return address, None
    from pyarrow.fs import S3FileSystem

    found = S3FileSystem(
        access_key=settings.s3_access_key or None,
        secret_key=_secret(settings),
        region=settings.s3_region,
        endpoint_override=settings.s3_endpoint or None,
    )
    return address.removeprefix(S3), found


def _secret(settings: Settings) -> str | None:
    return settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None


@dataclass(frozen=True)
class Folder:
    root: Path

    def read(self, key: str, limit: int) -> bytes:
        from infra.forms import beneath  # lazy: all markets come with it

        path = beneath(self.root, key)
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(key)
        with path.open("rb") as file:
            return file.read(limit)


@dataclass(frozen=True)
class Objects:
    """One bucket of an S3 server."""

    settings: Settings
    bucket: str

    @cached_property
    def client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.settings.s3_endpoint or None,
            region_name=self.settings.s3_region,
            aws_access_key_id=self.settings.s3_access_key or None,
            aws_secret_access_key=_secret(self.settings),
            config=Config(
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=5,
                read_timeout=60,
                request_checksum_calculation="when_required",  # look-alikes of S3 know no others
                response_checksum_validation="when_required",
            ),
        )

    def make_bucket(self) -> None:
        """Make the bucket where it is missing; raises UnreachableError."""
        from botocore.exceptions import ClientError

        with self._explained():
            try:
                self.client.create_bucket(Bucket=self.bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "BucketAlreadyOwnedByYou":
                    raise

    def list(self, prefix: str = "", page: int = 1000) -> Iterator[StoredObject]:
        """Every object under the prefix, in the order of its keys; raises UnreachableError."""
        with self._explained():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, PaginationConfig={"PageSize": page}
            )
            for found in pages:
                for entry in found.get("Contents", []):
                    yield StoredObject(entry["Key"], entry["Size"], entry["ETag"].strip('"'))

    def read(self, key: str, limit: int) -> bytes:
        """The object's bytes, at most `limit` of them; raises FileNotFoundError, UnreachableError."""
        from botocore.exceptions import ClientError

        with self._explained():
            try:
                body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                    raise FileNotFoundError(f"{S3}{self.bucket}/{key}") from None
                raise
            with body:
                return body.read(limit)

    def download(self, key: str, target: Path) -> None:
        """Copy the object to a file; a connection that breaks is taken up again. Raises UnreachableError."""
        from boto3.s3.transfer import TransferConfig

        with self._explained():
            self.client.download_file(
                self.bucket,
                key,
                str(target),
                Config=TransferConfig(use_threads=False, num_download_attempts=ATTEMPTS),
            )

    def write(self, key: str, data: bytes) -> None:
        with self._explained():
            self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            server = masked(self.settings.s3_endpoint) or "AWS"
            raise UnreachableError(
                f"cannot use {S3}{self.bucket} at {server}: {error}; check the bucket's name and "
                "MODERATO_S3_ENDPOINT, MODERATO_S3_ACCESS_KEY and MODERATO_S3_SECRET_KEY"
            ) from error


@dataclass(frozen=True)
class Prefix:
    """Objects under `s3://bucket/prefix`; the prefix may be the whole key of one, which is called "" then."""

    objects: Objects
    prefix: str

    @classmethod
    def of(cls, settings: Settings, address: str) -> Self:
        bucket, prefix = split(address)
        return cls(Objects(settings, bucket), prefix)

    def whole(self, key: str) -> str:
        """A key as the bucket knows it."""
        if not key:
            return self.prefix
        return f"{self.prefix.rstrip('/')}/{key}" if self.prefix else key

    def list(self) -> Iterator[StoredObject]:
        """In the order of their keys, without those that stand for folders; raises UnreachableError."""
        inside = f"{self.prefix.rstrip('/')}/" if self.prefix else ""
        for entry in self.objects.list(self.prefix):
            if entry.key.endswith("/"):
                continue
            if entry.key == self.prefix:
                yield replace(entry, key="")
            elif entry.key.startswith(inside):
                yield replace(entry, key=entry.key.removeprefix(inside))

    def read(self, key: str, limit: int) -> bytes:
        return self.objects.read(self.whole(key), limit)

    def download(self, key: str, target: Path) -> None:
        self.objects.download(self.whole(key), target)
