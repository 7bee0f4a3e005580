"""Snapshots: immutable training sets cut from the lake at fixed versions, whose splits never leak."""

from infra.snapshots.cut import CutSnapshot, EmptyLakeError, cut_snapshot, pin_versions
from infra.snapshots.survey import batches
from infra.snapshots.writing import header

__all__ = ["CutSnapshot", "EmptyLakeError", "batches", "cut_snapshot", "header", "pin_versions"]
