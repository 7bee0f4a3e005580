"""Decisions on disk before they are given out, and their way to the lake."""
