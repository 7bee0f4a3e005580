"""What every step has of Prefect: handles, results, caching, retries, artifacts, and its story."""
