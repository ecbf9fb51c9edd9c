"""A pipeline of scikit-learn: change its steps. It is served under the name of its variable, and each fit clones it.

To choose columns by their names, put a ColumnTransformer first; check-model then needs --data FILE --target COLUMN.
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

example = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
