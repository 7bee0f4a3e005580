"""The platform as containers: one image, and a compose file with PostgreSQL and S3."""
