"""The way out of the game: a campaign's rounds, labels and what follows from them, as files that anybody can read."""
