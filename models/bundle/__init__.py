"""The bundle: exported, quantized, assembled, and what it is expected to do."""
