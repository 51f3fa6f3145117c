"""Rules of the game, pure: no database, no web, nothing but the standard library.

One noun a module: `config` (what a researcher sets), `labels` (what a player types), `states` (a round and its
transitions), `lifecycle` (maps and campaigns), `assignment` (who plays which map), `scoring` (points from events),
`aggregation` (labels from many players), and `simulation` (players of known skill, for tests and planning).
"""
