import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from napari_parsimony.figures import cells, charts, class_map, decision, network
from napari_parsimony.figures.palette import (
    DARK,
    LIGHT,
    NEGATIVE,
    POSITIVE,
    QUIET,
    class_colours,
    pictures,
    rgba,
)
from napari_parsimony.figures.score_map import class_picture
from napari_parsimony.figures.style import SCORE, to_png, to_svg
from napari_parsimony.figures.text import numbers
from napari_parsimony.symbolic.class_scores import ClassScores
from napari_parsimony.symbolic.expression import Expression

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))


def crops(n, channels=1, size=16):
    return np.random.default_rng(0).random((n, channels, size, size)).astype("float16")


def along(name, n=50, strip=True):
    values = np.random.default_rng(len(name)).normal(size=n)
    return decision.AlongLatent(name, -3, 3, crops(7) if strip else None, values)


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def outside(figure):
    """By how many inches anything that is drawn leaves the figure."""
    figure.canvas.draw()
    drawn = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    return max(-drawn.x0, -drawn.y0, drawn.x1 - width, drawn.y1 - height)


def all_figures(theme):
    target = np.tile([0.0, 1.0], 25)
    law = Expression.parse("z29*(z17**2+z21**2)-exp(exp(z3))")
    classes = ("interphase", "metaphase and metaphase alignment")
    each = map(Expression.parse, ("z17", "-z17", "log(z29 + 3)", "0"))
    many = ClassScores((*classes, "prometaphase and so on, without an end", "C"), tuple(each))
    names = [f"z{i}" for i in range(32)]
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=s) * (rng.random(s) < 0.1) for s in ((32, 16), (16, 16))]
    weights.append(np.ones((16, 1)))
    share = {name: float(rng.random()) for name in names}
    history = pd.DataFrame({"step": range(20), "loss": np.geomspace(1e4, 10, 20)})
    history["validation loss"] = np.where(np.arange(20) % 3, np.nan, history["loss"])
    strips = crops(21).reshape(3, 7, 1, 16, 16)
    values = np.linspace(-3, 3, 7)
    from made_up import content, front

    return {
        "reconstructions": cells.reconstructions(crops(13), crops(13), theme=theme),
        "traversals": cells.traversals(
            strips, ["z1", "z10  a long name", "z3"], values, theme=theme
        ),
        "own ranges": cells.traversals(
            strips, ["z1", "z2", "z3"], np.stack([values, values / 2, values - 1]), theme=theme
        ),
        "network": network.sparse_network(weights, names, classes, theme=theme),
        "map": decision.decision_map(
            law, along("z17"), along("z29", strip=False), {"z3": -3, "z21": 0}, classes, target,
            theme=theme,
        ),
        "curve": decision.score_curve(
            Expression.parse("z17**2-1"), along("z17"), {}, classes, target, theme=theme
        ),
        "class map": class_map.class_map(
            many, along("z17"), along("z29", strip=False), {"z3": -3}, many.classes, target,
            theme=theme,
        ),
        "class curves": class_map.class_curves(
            many, along("z17"), {"z29": 0.5}, many.classes, theme=theme
        ),
        "network of more classes": network.sparse_network(
            [*weights[:2], np.ones((16, 4))], names, many.classes, theme=theme
        ),
        "front": charts.pareto_front(front(), theme=theme),
        "losses": charts.loss_curves(history, theme=theme),
        "usage": charts.latent_usage(share, share, ["z3"], 16, theme=theme),
        "schemes": charts.schemes_table(content().schemes, theme=theme),
    }  # fmt: skip


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_figure_is_drawn_in_its_theme_with_all_text_inside(theme):
    for name, figure in all_figures(theme).items():
        assert outside(figure) < 0.01, name
        assert figure.get_facecolor() == mpl.colors.to_rgba(theme.background), name
        assert to_png(figure, dpi=40).startswith(b"\x89PNG"), name


def test_nothing_global_changes_and_the_users_settings_do_not_show():
    before = dict(mpl.rcParams)
    plain = to_svg(charts.latent_usage({"z1": 1.0}, {"z1": 0.5}))
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert to_svg(charts.latent_usage({"z1": 1.0}, {"z1": 0.5})) == plain
    assert b"DOCTYPE" not in plain
    assert "matplotlib.pyplot" not in sys.modules or not mpl.pyplot.get_fignums()


def test_dead_connections_units_and_inputs_are_not_drawn():
    # input 2 leads to unit 1, which leads nowhere; unit 2 has no input
    first = np.array([[1.0, 0, 0], [-2, 0, 0], [0, 3, 0]])
    second = np.array([[1.0], [0], [5]])
    live, units = network.alive([first, second])
    assert np.count_nonzero(live[0]) == 2
    assert np.count_nonzero(live[1]) == 1
    assert [list(kept) for kept in units] == [[1, 1, 0], [1, 0, 0], [1]]
    figure = network.sparse_network([first, second], ["z3", "z17", "z21"], ("no", "yes"))
    assert "z21" not in texts(figure)
    assert "2 inputs, 1 hidden unit, 3 of 12 connections" in texts(figure)
    axes = figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert sorted(line.get_color() for line in lines) == [NEGATIVE, POSITIVE, POSITIVE]
    widths = {tuple(line.get_xdata()): line.get_linewidth() for line in lines}
    assert max(widths.values()) == 3.5


def test_a_network_without_inputs_is_refused():
    with pytest.raises(ValueError, match="no input"):
        network.sparse_network([np.zeros((3, 1))], ["a", "b", "c"], ("no", "yes"))


def test_the_map_shows_scores_where_they_belong_and_says_what_is_fixed():
    expression = Expression.parse("z1 + 0*z2 + z3")
    figure = decision.decision_map(
        expression, along("z1"), along("z2"), {"z3": 1.0}, ("no", "yes"), None
    )
    image = figure.axes[0].images[0]
    values = np.asarray(image.get_array())
    left, right = (-3 - 0.5, 3 + 0.5)
    assert image.get_extent() == [left, right, left, right]
    assert values[120, 0] == pytest.approx(-2.5)
    assert values[120, -1] == 3.0  # clipped
    assert values[0, 100] == values[-1, 100]
    assert "at z3 = 1.00" in texts(figure)
    contour = next(c for c in figure.axes[0].collections if hasattr(c, "levels"))
    np.testing.assert_allclose(contour.get_paths()[0].vertices[:, 0], -1, atol=1e-6)
    assert SCORE(0.0)[:3] == mpl.colors.to_rgb(NEGATIVE)


def test_the_map_says_where_the_expression_does_not_decide():
    figure = decision.decision_map(
        Expression.parse("log(z1)*z2"), along("z1"), along("z2"), {}, ("no", "yes")
    )
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["score = 0", "not decided"]


def test_held_out_losses_share_the_panel_of_the_training_loss():
    history = pd.DataFrame(
        {"step": [1, 2], "loss": [2.0, 1.0], "KL": [1.0, 1.0], "held-out loss": [3.0, np.nan]}
    )
    figure = charts.loss_curves(history)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "KL"]
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [2, 1]


def test_channels_become_colours():
    assert pictures(crops(2)).shape == (2, 16, 16, 3)
    two = pictures(crops(2, channels=2))
    np.testing.assert_array_equal(two[..., 0], two[..., 2])
    assert pictures(crops(2, channels=5)).shape == (2, 16, 16, 3)
    assert pictures(np.full((1, 1, 2, 2), np.nan)).max() == 0


def test_numbers_of_an_axis_are_told_apart():
    assert numbers([-1, 0, 1]) == ["−1.0", "0", "1.0"]
    assert numbers([0.01, 0.02]) == ["0.01", "0.02"]
    assert numbers([-0.04, 1]) == ["0", "1.0"]


def test_a_class_has_its_colour_and_what_is_not_decided_none():
    scores = np.array([[9.0, 0, 0], [0, 0, 9.0], [np.nan] * 3, [0.1, 0, 0]])
    colours = class_colours(("A", "B", "C"))
    picture = class_picture(scores, colours)
    np.testing.assert_allclose(picture[0], rgba(colours[0])[:3], atol=0.01)
    np.testing.assert_allclose(picture[1], rgba(colours[2])[:3], atol=0.01)
    np.testing.assert_allclose(picture[2], rgba(QUIET)[:3])
    assert (picture[3] > picture[0] + 0.2).any(), "paler where it is less likely"
