"""Move versions between stores: an archive of a version, its signature, and its trial before an import."""
