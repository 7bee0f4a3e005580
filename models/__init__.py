"""WHAT is learned: nouns, encoders, objectives and policies. Imports neither Prefect nor MLflow nor boto3."""

from models.process import former_names

former_names.serve()  # at import: no other code of ours runs before an import of a former name
