"""Estimators and pipelines of scikit-learn as models. This package is imported only if there are any."""
