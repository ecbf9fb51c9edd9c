"""Estimators of scikit-learn, XGBoost and LightGBM that the tests serve (TRINITY_MODELS)."""

from typing import Any

import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, TransformerMixin, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor


class Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of one's own, which finds its columns by name."""

    def fit(self, X: Any, y: Any = None) -> "Ratio":
        """Learn the mean area."""
        self.mean_ = float(X["area"].mean())
        return self

    def transform(self, X: Any) -> Any:
        """The area of a room, and the age in years."""
        area = X["area"].fillna(self.mean_) / X["rooms"]
        return pd.DataFrame({"area": area, "age": 2026 - pd.to_datetime(X["built"]).dt.year.fillna(2000)})


def doubled(X: Any) -> Any:
    """A function of one's own."""
    return X * 2


# Of numbers
linear = LinearRegression()
ridge = Ridge(2.0)
ridge_cv = RidgeCV()
lasso = Lasso(0.01)
lasso_cv = LassoCV(cv=3)
elastic = ElasticNet(0.01)
bayesian = BayesianRidge()
ard = ARDRegression()
huber = HuberRegressor()
lars = Lars()
poisson = PoissonRegressor()
tweedie = TweedieRegressor(power=1.5)
quantile = QuantileRegressor(alpha=0.01)
sgd = make_pipeline(StandardScaler(), SGDRegressor(random_state=0))
theil_sen = TheilSenRegressor(random_state=0, max_subpopulation=50)
ransac = RANSACRegressor(random_state=0)
kernel_ridge = KernelRidge(kernel="rbf")
pls = PLSRegression()
tree = DecisionTreeRegressor(random_state=0)
forest = RandomForestRegressor(20, random_state=0, n_jobs=-1)
extra_trees = ExtraTreesRegressor(20, random_state=0)
boosting = GradientBoostingRegressor(n_estimators=20, random_state=0)
hist_boosting = HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=3)
ada = AdaBoostRegressor(n_estimators=10, random_state=0)
bagging = BaggingRegressor(n_estimators=5, random_state=0)
neighbours = KNeighborsRegressor(3)
neighbours_ball = KNeighborsRegressor(3, algorithm="ball_tree", metric="manhattan")
neighbours_brute = KNeighborsRegressor(3, algorithm="brute")
radius = RadiusNeighborsRegressor(50.0)
svr = make_pipeline(StandardScaler(), SVR())
nu_svr = NuSVR()
linear_svr = LinearSVR(random_state=0)
mlp = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0))
gaussian_process = GaussianProcessRegressor(1.0 * RBF() + WhiteKernel(), random_state=0)
stacking = StackingRegressor([("tree", DecisionTreeRegressor(random_state=0)), ("ridge", Ridge())], cv=3)
voting = VotingRegressor([("forest", RandomForestRegressor(5, random_state=0)), ("knn", KNeighborsRegressor())])
search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1.0, 10.0]}, cv=KFold(3))
target = TransformedTargetRegressor(Ridge(), transformer=StandardScaler())
polynomial_ridge = make_pipeline(PolynomialFeatures(2), Ridge())
splines = make_pipeline(SplineTransformer(), Ridge())
components = make_pipeline(StandardScaler(), PCA(2), LinearRegression())
nystroem = make_pipeline(Nystroem(n_components=10, random_state=0), Ridge())
selected = make_pipeline(SelectKBest(f_regression, k=2), LinearRegression())
union = make_pipeline(FeatureUnion([("pca", PCA(1)), ("scale", StandardScaler())]), Ridge())
own_function = make_pipeline(FunctionTransformer(doubled), Ridge())
dummy_mean = DummyRegressor()
xgboost = XGBRegressor(n_estimators=10)
lightgbm = LGBMRegressor(n_estimators=10, min_child_samples=3, verbose=-1)
xgboost_pipeline = make_pipeline(StandardScaler(), XGBRegressor(n_estimators=10))
NUMERIC = [
    name for name, thing in list(globals().items()) if hasattr(thing, "get_params") and not isinstance(thing, type)
]

# Of several outputs
forest_outputs = RandomForestRegressor(5, random_state=0)
each_output = MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3))
chain = RegressorChain(Ridge())
ridge_outputs = make_pipeline(StandardScaler(), Ridge())
SEVERAL = ["forest_outputs", "each_output", "chain", "ridge_outputs"]

# Of numbers, texts, truth values and missing ones
_words = OneHotEncoder(handle_unknown="ignore")
house_price = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), _words), ["city"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["area", "rooms"]),
        ("passthrough", ["new"]),
    ),
    Ridge(),
)
by_dtype = make_pipeline(
    make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            make_column_selector(dtype_include="str"),
        ),
        (KNNImputer(n_neighbors=3), make_column_selector(dtype_include="number")),
    ),
    RandomForestRegressor(10, random_state=0),
)
boosted_house = make_pipeline(
    ColumnTransformer(
        [("city", TargetEncoder(random_state=0, cv=3), ["city"]), ("numbers", "passthrough", ["area", "rooms"])]
    ),
    LGBMRegressor(n_estimators=10, min_child_samples=3, verbose=-1),
)
described = make_pipeline(
    ColumnTransformer([("text", TfidfVectorizer(), "about"), ("rooms", StandardScaler(), ["rooms"])]), Ridge()
)
own_steps = make_pipeline(Ratio(), StandardScaler(), LinearRegression())
MIXED = ["house_price", "by_dtype", "boosted_house", "described", "own_steps"]

# Of texts
tfidf = make_pipeline(TfidfVectorizer(), Ridge())
counts = make_pipeline(CountVectorizer(ngram_range=(1, 2)), StandardScaler(with_mean=False), Ridge())
hashed = make_pipeline(HashingVectorizer(n_features=64), SVR())
TEXTS = ["tfidf", "counts", "hashed"]

# Of labels
logistic_texts = make_pipeline(StandardScaler(), LogisticRegression())
logistic_numbers = LogisticRegression(max_iter=1000)
logistic_truths = LogisticRegression(max_iter=1000)
ridge_classes = RidgeClassifier()
sgd_classes = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
discriminant = LinearDiscriminantAnalysis()
quadratic = QuadraticDiscriminantAnalysis(reg_param=0.1)
bayes = GaussianNB()
tree_classes = DecisionTreeClassifier(random_state=0)
forest_classes = RandomForestClassifier(20, random_state=0, n_jobs=-1)
extra_classes = ExtraTreesClassifier(20, random_state=0)
boosting_classes = GradientBoostingClassifier(n_estimators=10, random_state=0)
hist_classes = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=3)
ada_classes = AdaBoostClassifier(n_estimators=5, random_state=0)
bagging_classes = BaggingClassifier(n_estimators=5, random_state=0)
neighbours_classes = KNeighborsClassifier(3)
svc = make_pipeline(StandardScaler(), SVC())
linear_svc = LinearSVC(random_state=0)
mlp_classes = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(8,), max_iter=30, random_state=0))
gaussian_classes = GaussianProcessClassifier(random_state=0)
calibrated = CalibratedClassifierCV(LinearSVC(random_state=0), cv=3)
calibrated_isotonic = CalibratedClassifierCV(DecisionTreeClassifier(random_state=0), cv=3, method="isotonic")
stacked_classes = StackingClassifier([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))], cv=3)
soft_voting = VotingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())], voting="soft")
hard_voting = VotingClassifier([("bayes", GaussianNB()), ("knn", KNeighborsClassifier())])
searched_classes = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]}, cv=3)
one_against_rest = OneVsRestClassifier(LogisticRegression(max_iter=1000))
xgboost_classes = XGBClassifier(n_estimators=5)
lightgbm_classes = LGBMClassifier(n_estimators=5, min_child_samples=3, verbose=-1)
CLASSES = [
    name
    for name, thing in list(globals().items())
    if hasattr(thing, "get_params") and not isinstance(thing, type) and is_classifier(thing)
]
churn = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["area", "rooms"]),
    ),
    LogisticRegression(),
)
churn_boosted = make_pipeline(
    make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["city"]),
        ("passthrough", ["area", "rooms"]),
    ),
    HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=3, categorical_features=[0]),
)
MIXED_CLASSES = ["churn", "churn_boosted"]
topic = make_pipeline(TfidfVectorizer(), MultinomialNB())
topic_svc = make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0))
TEXT_CLASSES = ["topic", "topic_svc"]
REGRESSORS = [*NUMERIC, *SEVERAL, *MIXED, *TEXTS]
CLASSIFIERS = [*CLASSES, *MIXED_CLASSES, *TEXT_CLASSES]
ALL = [*REGRESSORS, *CLASSIFIERS]
