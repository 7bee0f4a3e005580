"""Pictures and videos of requests: fetched, limited and decoded."""
