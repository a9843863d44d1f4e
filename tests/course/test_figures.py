"""The figures of the lessons show what their captions and their words for those who hear the page say."""

import numpy as np
import pytest

from hashnets_np.course import figures, map_figures


@pytest.fixture
def shown(monkeypatch):
    """What would be shown: figures with their captions and alt texts."""
    found = []
    for module in (figures, map_figures):
        monkeypatch.setattr(module, "show_figure", lambda *figure: found.append(figure))
    return found


def test_no_load_is_left_out_and_the_words_name_the_ends(shown):
    loads = {"xxhash": np.array([[0, 8, 27], [3, 8, 9]]), "fold": np.full((2, 3), 8)}
    map_figures.loads_of_kinds(loads, {"xxhash": 8.0, "fold": 0.0})
    ((fig, _, alt),) = shown
    heights = [sum(bar.get_height() for bar in ax.patches) for ax in fig.axes]
    assert heights == pytest.approx([100, 100])
    assert "xxhash: 0 to 27; fold: 8 to 8" in alt
    assert len({ax.get_xlim() for ax in fig.axes}) == 1


def test_the_words_for_the_projection_have_the_numbers_that_were_computed(shown):
    projected = {"1": [31.0, 33.0], "1/64": [88.0]}
    figures.projection(projected, {"1": [9.0], "1/64": [14.0]}, 8.0, {"1": 0.37, "1/64": 0.98})
    alt = shown[0][2]
    assert "from 32 to 88 percent" in alt and "between 9 and 14" in alt and "from 37 to 98 percent" in alt


def test_compression_is_strong_on_the_left_for_the_rivals_as_in_every_lesson(shown):
    figures.rivals({"HashNet": {"1/4": [8.0, 9.0], "1/16": [10.0, 11.0], "1/64": [20.0, 22.0]}})
    ax = shown[0][0].axes[0]
    ax.figure.canvas.draw()
    places = {label.get_text(): ax.transData.transform((x, 1))[0]
              for x, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)}
    assert places["1/64"] < places["1/16"] < places["1/4"]


def test_compression_is_strong_on_the_left_for_bias_and_variance_too(shown):
    errors = {"1/8": [9.0, 11.0], "1/64": [20.0, 24.0]}
    figures.bias_and_variance(errors, {"1/8": 8.0, "1/64": 10.0}, {"1/8": (0.1, 0.03), "1/64": (0.12, 0.2)})
    left, right = shown[0][0].axes
    for ax in (left, right):
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1/64", "1/8"]
    assert left.lines[0].get_ydata().tolist() == [20, 24]
    assert [bar.get_height() for bar in right.containers[1]] == [0.2, 0.03]


def test_the_four_matrices_have_a_key_to_their_colors(shown):
    figures.four_matrices({"NN": np.ones((4, 64)) * [[1], [-1], [2], [0]], "RER": np.eye(256, 64)})
    caption = shown[0][1]
    assert "Blue: positive; red: negative" in caption and "a color scale of its own" in caption
