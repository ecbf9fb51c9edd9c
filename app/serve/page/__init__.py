"""The page for browsers at `/`: rendered by the server, with one small script."""
