"""Classifiers on the command line: labels in a CSV, probabilities beside them, and the confusion matrix of a score."""

import csv
import io

from tests.behaviour.cli.conftest import Run

ROWS = ["x,y", *(f"{i % 10},{'no' if i % 10 < 5 - (i % 7 == 0) else 'yes'}" for i in range(60))]
TABLE = "\n".join(ROWS) + "\n"


def test_a_classifier_is_fitted_predicted_and_scored(command: Run) -> None:
    fitted = command("fit", "-", "--target", "y", "--model", "logistic", stdin=TABLE)
    assert fitted.code == 0, fitted.err
    assert "logistic version" in fitted.out and "accuracy" in fitted.out and "coefficient" in fitted.out
    ran = command("predict", "-", "--model", "logistic", "--outputs", "y,probabilities", "--keep", "x", stdin=TABLE)
    first, *rows = csv.reader(io.StringIO(ran.out))
    assert first == ["x", "y", "probability(no)", "probability(yes)"]
    assert len(rows) == 60
    for _, label, no, yes in rows:
        assert label == ("yes" if float(yes) > float(no) else "no")
    scored = command("score", "-", "--model", "logistic", stdin=TABLE)
    lines = [line.split() for line in scored.out.splitlines()]
    assert ["n", "60"] in lines
    assert lines[-3] == ["true", "\\", "predicted", "no", "yes"]
    assert [line[0] for line in lines[-2:]] == ["no", "yes"]
    assert sum(int(float(cell)) for line in lines[-2:] for cell in line[1:]) == 60


def test_coefficients_of_several_classes_are_columns(command: Run) -> None:
    """One for each label."""
    table = "x,y\n" + "".join(f"{i % 9 + (i % 4) / 4},{'abc'[i % 9 // 3]}\n" for i in range(90))
    fitted = command("fit", "-", "--target", "y", "--model", "logistic", stdin=table)
    assert fitted.out.splitlines()[1].split() == ["term", "a", "b", "c"]


def test_an_output_that_is_not_there_is_named(command: Run) -> None:
    command("fit", "-", "--target", "x", "--model", "multivariate", stdin="a,x\n1,2\n2,3\n3,5\n")
    ran = command("predict", "-", "--model", "multivariate", "--outputs", "probabilities", stdin="a\n1\n")
    assert ran.code == 1
    assert "a regression has no probabilities" in ran.err
