"""Class explanations: what a class looks like to a network over many photos, layer by layer."""
