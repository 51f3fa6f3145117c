"""One photo: capture, weights, clustering, merging, ablation and flow."""
