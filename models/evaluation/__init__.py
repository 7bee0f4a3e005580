"""What a model is worth: calibration, metrics, comparison, thresholds."""
