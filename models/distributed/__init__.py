"""Processes that train together: launched, sharded, heard, and begun again."""
