"""A place recommender on Trinity: a ranker that learns from what its users select."""
