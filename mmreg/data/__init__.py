"""Where photographs and training examples come from."""
