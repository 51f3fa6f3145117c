"""Deep Reveal, the labelling game: people say what they recognise in the revealed part of a photo."""
