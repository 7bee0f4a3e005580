"""Object storage through boto3: objects under an address, their ETags and their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from infra.secrets import masked
from infra.settings import Settings
from models.domain.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
ATTEMPTS = 5  # with exponential back-off between them


class UnreachableError(UserError):
    """An address whose bucket, keys or server does not answer as it should."""


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    etag: str


def split(address: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    return bucket, key


@dataclass(frozen=True)
class Objects:
    """One bucket of an S3 server."""

    settings: Settings
    bucket: str

    @cached_property
    def client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        secret = self.settings.s3_secret_key
        return boto3.client(
            "s3",
            endpoint_url=self.settings.s3_endpoint or None,
            region_name=self.settings.s3_region,
            aws_access_key_id=self.settings.s3_access_key or None,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
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
                    raise FileNotFoundError(f"{SCHEME}{self.bucket}/{key}") from None
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
                f"cannot use s3://{self.bucket} at {server}: {error}; check the bucket's name and "
                "MODERATO_S3_ENDPOINT, MODERATO_S3_ACCESS_KEY and MODERATO_S3_SECRET_KEY"
            ) from error
