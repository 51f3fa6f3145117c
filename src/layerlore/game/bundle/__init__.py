"""Bundles: a campaign's pictures, rendered once and never changed, with a manifest that proves it.

`manifest`, `stored`, `png`, `link` and `errors` need the standard library only, for the server reads with them; the
others build.
"""
