"""Estimators and pipelines of scikit-learn as models. Only what has one to do with them imports this package."""
