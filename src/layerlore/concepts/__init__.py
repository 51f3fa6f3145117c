"""Free text to concepts: what people typed becomes names of cluster maps, and every name keeps the way back."""
