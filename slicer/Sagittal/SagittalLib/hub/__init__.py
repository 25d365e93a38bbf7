"""Models of the hub: found, run on volumes of the scene, and what they find brought back."""
