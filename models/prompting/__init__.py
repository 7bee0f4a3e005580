"""Scores without training: a policy's own words, and a few judged posts."""
