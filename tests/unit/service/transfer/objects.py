"""An estimator of scikit-learn that the tests move between stores."""

from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(n_estimators=3, random_state=0)
