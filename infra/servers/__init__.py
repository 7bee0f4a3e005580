"""Prefect's and MLflow's servers behind one guard: who may ask them, from which page, under which name."""
