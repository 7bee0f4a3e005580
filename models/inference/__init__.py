"""A trained model as it scores: ONNX Runtime, in floats or eight bits."""
