"""The page as browsers see it: what it answers, and what people do with it in headless Chromium."""
