"""WHAT is learned: nouns, encoders, objectives and policies. Imports neither Prefect nor MLflow nor boto3."""
