"""The dummy source: seeded, shaped as it says, and around the function it says."""

import msgspec
import numpy as np
import pytest

from app.data.dummy import BLOCK_ROWS, Dummy, DummyParams


def cubic(x: np.ndarray) -> np.ndarray:
    return 3 + 0.4 * x - 3 * x**2 + 2 * x**3


def test_defaults() -> None:
    """50 points on [−1, 1], within a fifth of the cubic."""
    X, y = Dummy().read()
    assert X.shape == (50, 1) and y.shape == (50,)
    assert (np.abs(X) <= 1).all()
    truth = cubic(X[:, 0])
    assert (np.abs(y - truth) <= 0.2 * np.abs(truth) + 1e-12).all()
    assert (y != truth).all()


def test_the_noise_is_uniform_and_multiplicative() -> None:
    """y over the function is uniform on [1 − noise, 1 + noise]."""
    X, y = Dummy(number=20_000, noise=0.5).read()
    ratio = y / cubic(X[:, 0])
    assert ratio.min() >= 0.5 - 1e-9 and ratio.max() <= 1.5 + 1e-9
    counts = np.histogram(ratio, bins=10, range=(0.5, 1.5))[0]
    assert counts.min() > 1800 and counts.max() < 2200


def test_without_noise_the_points_lie_on_the_function() -> None:
    """Noise 0 means no noise."""
    X, y = Dummy(noise=0).read()
    np.testing.assert_allclose(y, cubic(X[:, 0]), rtol=1e-13, atol=1e-13)


def test_the_same_parameters_give_the_same_points() -> None:
    """To the last bit, and another seed gives others."""
    first, again, other = Dummy(seed=7).read(), Dummy(seed=7).read(), Dummy(seed=8).read()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_shape_is_known_before_anything_is_made() -> None:
    """A trillion points have a shape, and only `read` would make them."""
    assert Dummy(number=10**12, inputs=4).shape == (10**12, 4)


def test_several_inputs_add_up() -> None:
    """The function is applied to each input, and the values are added."""
    X, y = Dummy(inputs=3, noise=0).read()
    assert X.shape == (50, 3)
    np.testing.assert_allclose(y, cubic(X).sum(axis=1), rtol=1e-13, atol=1e-13)


def test_coefficients_are_a_function() -> None:
    """The constant comes first."""
    X, y = Dummy(noise=0, function=[1.0, 0.0, 2.0]).read()
    np.testing.assert_allclose(y, 1 + 2 * X[:, 0] ** 2, rtol=1e-14)


def test_any_callable_is_a_function() -> None:
    """In Python."""
    X, y = Dummy(noise=0, function=np.exp).read()
    np.testing.assert_allclose(y, np.exp(X[:, 0]), rtol=1e-14)


def test_blocks_do_not_show() -> None:
    """More rows than a block holds lie on the function, too."""
    X, y = Dummy(number=BLOCK_ROWS + 3, noise=0).read()
    np.testing.assert_allclose(y, cubic(X[:, 0]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "params",
    [
        {"number": 0},
        {"number": 1.5},
        {"noise": -0.1},
        {"seed": -1},
        {"inputs": 0},
        {"function": []},
        {"colour": 1},
        {"noise": "0.2"},
    ],
)
def test_parameters_have_limits(params: dict[str, object]) -> None:
    """What makes no sense is refused where requests are checked."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, DummyParams)


def test_defaults_of_request_and_connector_agree() -> None:
    """An empty request means the same points as Dummy() in Python."""
    requested = Dummy(**msgspec.structs.asdict(DummyParams())).read()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(requested, Dummy().read(), strict=True))


def test_classes_are_numbers_over_and_below_the_mean_of_the_function() -> None:
    """They are of the same points as the numbers, whatever the number of inputs."""
    for inputs in (1, 3):
        X, y = Dummy(number=500, inputs=inputs).read()
        same, labels = Dummy(number=500, inputs=inputs, kind="classes").read()
        assert y is not None and labels is not None
        np.testing.assert_array_equal(X, same)
        np.testing.assert_array_equal(labels, np.where(y > 2 * inputs, "high", "low"))  # 2 is the mean of the cubic
