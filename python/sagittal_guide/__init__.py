"""Training of the guide: the small network that answers prompts from random walks, path lengths and grey values."""
