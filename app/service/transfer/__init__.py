"""Move versions between stores: an archive of a version, its signature, and what is tried before one is taken in."""
