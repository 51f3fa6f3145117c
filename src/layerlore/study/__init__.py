"""Many photos: a folder with a network's explanations, filled by a run that may be killed at any moment."""
