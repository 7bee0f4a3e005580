"""Training: a snapshot in, an exported model out; measured, resumed, searched over."""
