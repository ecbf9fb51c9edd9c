"""The page that a browser gets at `/`: rendered by the server, brought to life by one small script."""
