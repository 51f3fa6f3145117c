"""Transactions. Each state change is one compare-and-set statement in one transaction (game.md 2.2)."""
