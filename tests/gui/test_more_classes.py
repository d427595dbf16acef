"""More than two classes in a real napari: what each dock says is what the equations give."""

import shutil
from pathlib import Path

import numpy as np
import pytest

napari = pytest.importorskip("napari")
from mouse import press  # noqa: E402
from planted import planted_study  # noqa: E402
from qtpy.QtGui import QColor  # noqa: E402

from napari_parsimony.cells.annotations import Annotations  # noqa: E402
from napari_parsimony.classify.config import ClassifyConfig  # noqa: E402
from napari_parsimony.classify.scores import decided, probabilities  # noqa: E402
from napari_parsimony.figures.palette import CLASS_COLOURS, rgba  # noqa: E402
from napari_parsimony.gui.confusion_view import ConfusionView  # noqa: E402
from napari_parsimony.gui.dock import LETTERS, decision_html  # noqa: E402
from napari_parsimony.gui.docks import PLUGIN  # noqa: E402
from napari_parsimony.gui.gallery_order import orders, values_of  # noqa: E402
from napari_parsimony.gui.overlay import Overlay  # noqa: E402
from napari_parsimony.gui.preferences import remember  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.study.steps import target  # noqa: E402
from napari_parsimony.study.study import Study  # noqa: E402
from napari_parsimony.symbolic.class_scores import ClassScores  # noqa: E402
from napari_parsimony.symbolic.config import EquationsConfig  # noqa: E402
from napari_parsimony.symbolic.expression import Expression  # noqa: E402
from napari_parsimony.trust import metrics  # noqa: E402

pytestmark = pytest.mark.gui
CLASSES = ("long & thin", "round", "small")
LAW = {"long & thin": "2*z3 - 1", "round": "z1*z2", "small": "0"}
EVALUATION = 3  # the tab


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """All steps up to the equations, on drawn latents with three classes."""
    study = planted_study(tmp_path_factory.mktemp("several"), LAW, images=9, side=8)
    study.run("classify", ClassifyConfig(
        seeds=2, steps=300, black_box_seeds=1, black_box_epochs=1, sweep=False, density=0.1,
    ))  # fmt: skip
    study.run("equations", EquationsConfig(engines=("quick",), max_size=7))
    return study.path


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def session(viewer, trained):
    session = Session.of(viewer)
    session.open_study(trained)
    assert session.classes == CLASSES
    assert isinstance(session.expression, ClassScores)
    yield session
    session.close()


def opened(viewer, name):
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    return dock


def test_colours_and_hover_are_those_of_the_most_probable_class(session):
    overlay = Overlay.of(session)
    overlay.set_colour_by("class")
    latents, cells = session.study.latents(), session.cells
    scores = session.expression.evaluate(latents)
    np.testing.assert_array_equal(session.cell_scores(), scores)
    said, likely = decided(scores), probabilities(scores)
    rows = overlay.picture.rows
    for row in rows:
        colour = overlay.labels.get_color(int(cells["label"][row]))
        np.testing.assert_allclose(colour, rgba(CLASS_COLOURS[said[row]]), atol=0.01)
    features = overlay.labels.features
    assert features["class"].tolist() == [CLASSES[kind] for kind in said[rows]]
    for which, name in enumerate(CLASSES):
        np.testing.assert_allclose(
            features[f"probability of {name}"], likely[rows, which], atol=1e-4
        )
    assert overlay.colouring.names[:3] == CLASSES
    written = overlay.texts.chosen
    assert len(written)
    assert list(overlay.scores.features["text"]) == [
        f"{CLASSES[said[row]]} {likely[row].max():.0%}" for row in written
    ]
    # the colours of one class's probability, and of one of its terms
    values = overlay.values
    for by, numbers in {
        "probability 1": likely[:, 1],
        "probability": likely.max(axis=1),
        "uncertainty": values.uncertainty,
        "term 0": values.terms[0][1],
    }.items():
        overlay.set_colour_by(by)
        order = np.argsort(numbers, kind="stable")
        assert (np.diff(overlay.colouring.shade[order]) >= 0).all(), by
    wrong = target(session.study)[0]
    np.testing.assert_array_equal(values.disagreeing, np.flatnonzero(wrong != said))


def test_the_text_on_cells_is_what_people_chose_if_they_did(session):
    overlay = Overlay.of(session)
    assert overlay.template == "{class} {probability:.0%}"
    remember("text", "{score:.2f}")
    chosen = Overlay(session)
    assert chosen.template == "{score:.2f}"


def test_classes_have_the_colours_that_people_gave_them(session, tmp_path):
    path = shutil.copytree(session.study.path, tmp_path / "study")
    session.open_study(path)
    session.annotate(Annotations({"round": "#123456"}, session.annotations.cells))
    assert session.class_colours == (CLASS_COLOURS[0], "#123456", CLASS_COLOURS[1])


def test_the_explorer_follows_and_leads_to_each_mean(viewer, session, qtbot):
    explorer = opened(viewer, "Latent explorer")
    qtbot.waitUntil(explorer.isVisible, timeout=5000)
    assert [button.text() for button in explorer.means.buttons] == [
        "Mean long && thin", "Mean round", "Mean small",
    ]  # fmt: skip
    latents, numbers = session.study.latents(), target(session.study)[0]
    names = list(session.latent_statistics["name"])
    for which, button in enumerate(explorer.means.buttons):
        press(qtbot, button)
        mean = latents[names][numbers == which].to_numpy(float).mean(axis=0)
        np.testing.assert_allclose(session.latents, mean)
        qtbot.waitUntil(lambda: not explorer._soon.due and not explorer._torch.busy, timeout=60_000)
        scores = session.scores(session.latents)
        for scheme, label in (("sparse", explorer.sparse), ("symbolic", explorer.symbolic)):
            likely = probabilities(scores[scheme])
            name = CLASSES[int(likely.argmax())].replace("&", "&amp;")
            assert f"<b>{name}</b>" in label.text()
            assert f"{likely.max():.0%}" in label.text()


def test_the_equation_has_a_line_and_terms_for_each_class(viewer, session, qtbot):
    dock = opened(viewer, "Equations")
    view = dock.view
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    session.select_cell(session.key_of(3))
    qtbot.waitUntil(lambda: not view.busy, timeout=20_000)
    assert not view.equation.pixmap().isNull()
    equation, values = session.expression, view.values(session.expression)
    assert session.class_of(equation.evaluate(values)) in view.result.text().replace("&amp;", "&")
    for which, name in enumerate(CLASSES):
        view.of_class.box.setCurrentIndex(which)
        view.of_class.box.activated.emit(which)
        assert view.of_class.name == name
        added = sum(value for _, value in view.terms.value())
        assert added == pytest.approx(float(equation.expressions[which].evaluate(values)))
    # of two classes there is nothing to choose
    assert view.of_class.isVisible()


def test_the_map_shows_the_class_of_every_point(viewer, session, qtbot):
    dock = opened(viewer, "Equations")
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    press(qtbot, dock.view.show_map)
    window = dock.view.map
    qtbot.waitUntil(lambda: window.isVisible() and not window._soon.due, timeout=5000)
    view = window.view
    assert view.scores.shape[-1] == 3
    said = decided(view.scores)
    assert len(np.unique(said)) > 1
    assert view.lines
    side = said.shape[0]
    for row, column in ((0, 0), (side - 1, 0), (side // 2, side // 3), (side - 1, side - 1)):
        colour = view._image.pixelColor(column, side - 1 - row)
        nearest = min(
            range(3), key=lambda kind: abs(QColor(CLASS_COLOURS[kind]).hue() - colour.hue())
        )
        assert nearest == said[row, column]
    fixed = {name: float(session.latents[int(name[1:])]) for name in session.expression.variables}
    scores = session.expression.evaluate(fixed)
    assert session.class_of(scores) in window.result.text().replace("&amp;", "&")


def test_the_confusion_table_leads_to_the_cells(viewer, session, qtbot):
    dock = opened(viewer, "Sparse classifier")
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    dock.tabs.setCurrentIndex(EVALUATION)
    panel = dock.evaluation
    qtbot.waitUntil(lambda: panel.found is not None, timeout=60_000)
    numbers = target(session.study)[0]
    here = (session.cells["split"] == "test").to_numpy() & np.isfinite(numbers)
    scores = session.cell_scores()
    counts = metrics.confusion(scores[here], numbers[here].astype(int))
    np.testing.assert_array_equal(panel.confusion.value(), counts[:, :3])
    row, column = np.argwhere(counts[:, :3] > 0)[-1]
    panel.confusion.buttons[row, column].click()
    expected = here & (numbers == row) & (decided(scores) == column)
    np.testing.assert_array_equal(session.selection, np.flatnonzero(expected))
    names = [name for name in CLASSES for _ in metrics.CLASS_METRICS]
    assert [row.label.partition(" ")[2] for row in panel.classes.value()] == names


def test_one_class_is_edited_and_the_others_stay(viewer, session, qtbot):
    dock = opened(viewer, "Equations")
    dock.choose_tab("By hand")
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    hand, before = dock.hand, session.expression
    hand.of_class.box.setCurrentIndex(2)
    hand.of_class.box.activated.emit(2)
    hand.text.selectAll()
    qtbot.keyClicks(hand.text, "z3 + 0.5")
    qtbot.waitUntil(lambda: session.candidate is None, timeout=5000)
    now = session.expression
    assert now.expressions[2] == Expression.parse("z3 + 0.5")
    assert now.expressions[:2] == hand._others.expressions[:2]
    assert now.variables
    cells = hand._known_cells()
    shown = hand.numbers["bal. acc.", "train"].text().partition("→")[2].strip()
    assert shown == f"{cells.goodness(now)['train'].balanced_accuracy:.1%}"
    # the text of another class is its own
    hand.of_class.box.setCurrentIndex(0)
    hand.of_class.box.activated.emit(0)
    assert Expression.parse(hand.text.toPlainText()) == now.expressions[0]
    assert session.expression == now
    press(qtbot, hand.reset)
    assert session.expression == before
    asked = []
    hand.proposed.connect(asked.append)
    press(qtbot, hand.propose)
    assert asked == [f"long & thin: {hand.text.toPlainText()}"]


def test_all_classes_are_told_apart_unless_people_choose(viewer, session, qtbot):
    dock = opened(viewer, "Sparse classifier")
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    chooser = dock.chooser
    assert [combo.currentText() for combo in chooser.roles.values()] == ["first", "second", "third"]
    assert chooser.value() == {}, "as the step does if nothing is said"
    chooser.roles["small"].setCurrentText("second")
    assert chooser.value() == {"long & thin": ("long & thin",), "round + small": ("round", "small")}
    assert [edit.isVisible() for edit in chooser.names[:3]] == [True, True, False]
    chooser.roles["round"].setCurrentText("third")
    assert list(chooser.value()) == ["long & thin", "small", "round"]


def test_the_gallery_sorts_by_the_probability_of_each_class(session):
    listed = orders(session, "all")
    assert [listed[f"probability {i}"] for i in range(3)] == [
        f"probability of {name}" for name in CLASSES
    ]
    likely = probabilities(session.cell_scores())
    np.testing.assert_allclose(values_of(session, "probability 2"), likely[:, 2])
    assert Study.open(session.study.path).class_names() == CLASSES


def test_long_names_of_many_classes_stay_in_their_places(viewer, session, qtbot):
    explorer = opened(viewer, "Latent explorer")
    qtbot.waitUntil(explorer.isVisible, timeout=5000)
    names = ("metaphase alignment", "prometaphase of polyploids", "hole", "apoptosis", "lobed")
    session._classes = names
    line = explorer.symbolic
    line.setText(decision_html(session, np.array([0.1, 0, -9, -9, -9])))
    assert "52%" in line.text()
    assert "47%" in line.text()
    picture = line.grab().toImage()
    edge = {picture.pixelColor(picture.width() - 1, y).name() for y in range(picture.height())}
    assert len(edge) == 1, "ink at the edge"

    table = ConfusionView()
    qtbot.addWidget(table)
    table.set_value(np.arange(25).reshape(5, 5), names, names, CLASS_COLOURS[:5])
    table.resize(300, 400)
    table.show()
    for column, name in enumerate(names, 1):
        heading = table._grid.itemAtPosition(0, column).widget()
        assert name in heading.toolTip()
        assert heading.height() >= min(len(name), LETTERS) * 6, "it has room for its letters"
        assert heading.width() >= 25
