"""Who may ask: keys, approval codes, and the check of each request."""
