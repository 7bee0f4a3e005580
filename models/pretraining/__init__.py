"""Learning from posts without judgements: backbones, and what they are taught by."""
