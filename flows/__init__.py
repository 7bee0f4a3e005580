"""WHAT runs, and when: one lifecycle verb a file."""
