"""Views: each reads a request, calls one service, and answers with a page or a redirect."""
