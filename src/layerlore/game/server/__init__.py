"""The game's web server: Django, server-rendered, without torch, NumPy or Pillow.

`services` hold the transactions, `views` are thin around them, and the rules themselves are in
`layerlore.game.domain`. Imports run one way: models <- services <- views <- urls.
"""
