"""The dock 'Sparse classifier', in a real napari with real clicks."""

import gc
import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.classify.topology import Compact
from napari_parsimony.figures.palette import NEGATIVE, POSITIVE
from napari_parsimony.gui.classifier_read import SCHEMES, read_networks
from napari_parsimony.gui.classifier_rows import Row, Rows
from napari_parsimony.gui.forms import widgets_to_config
from napari_parsimony.gui.network_view import NetworkView
from napari_parsimony.gui.sample import copy_of_demo
from napari_parsimony.gui.session import Session
from napari_parsimony.report import STEPS
from napari_parsimony.study.steps import target
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.trust import metrics

pytestmark = pytest.mark.gui

PLUGIN = "napari-parsimony"
TRAIN, NETWORK, SPARSITY, EVALUATION = range(4)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def session(viewer):
    return Session.of(viewer)


@pytest.fixture
def dock(viewer):
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Sparse classifier")
    return widget


@pytest.fixture
def own_study(field_study, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(field_study, tmp_path / "study")


def quiet(qtbot, dock):
    """Wait until nothing is computed any more."""
    parts = (dock, dock.network, dock.evaluation)
    qtbot.waitUntil(lambda: not any(part.background.busy for part in parts), timeout=30_000)


def tab(qtbot, dock, number):
    qtbot.waitUntil(dock.isVisible)
    bar = dock.tabs.tabBar()
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(number).center())
    assert dock.tabs.currentIndex() == number
    quiet(qtbot, dock)


def pick(combo, data):
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())  # as when a person picks it


def outdate(session, study):
    """Let the latents, and all that is made of them, be of other files."""
    with (study / "vae" / "history.parquet").open("ab") as file:
        file.write(b" ")
    session.refresh()


def test_without_a_study(dock, session, field_study):
    assert "No study is open" in dock.message.text()
    assert dock.message.isVisible()
    assert not dock.tabs.isVisible()
    session.open_study(field_study)
    assert not dock.message.isVisible()
    assert dock.tabs.isVisible()
    session.close()
    assert dock.message.isVisible()
    assert not dock.panel.runs.isVisible()


def test_a_study_without_networks(qtbot, dock, session, crops_study):
    session.open_study(crops_study)
    for number, panel in ((NETWORK, dock.network), (SPARSITY, dock.sparsity)):
        tab(qtbot, dock, number)
        assert "were not trained yet" in panel.message.text()
        assert not panel.content.isVisible()
    tab(qtbot, dock, EVALUATION)
    assert "was not run yet" in dock.evaluation.message.text()
    assert not dock.evaluation.content.isVisible()
    tab(qtbot, dock, TRAIN)
    assert dock.chooser.value() == {}, "two classes need no naming"
    assert [combo.currentText() for combo in dock.chooser.roles.values()] == ["first", "second"]
    assert "of the" in dock.budget.text()


def test_classes_are_chosen_with_their_numbers(qtbot, dock, session, own_study):
    session.open_study(own_study)
    chooser, cells = dock.chooser, session.cells
    assert chooser.value() == {"compact": ("round",), "stretched": ("long",)}
    assert [edit.text() for edit in chooser.names if edit.isVisible()] == ["compact", "stretched"]
    assert not dock.panel.form.fields["classes"].widget.native.isVisible()
    for raw in ("round", "long"):
        here = cells.loc[cells["class"] == raw, "split"]
        numbers = [(here == split).sum() for split in ("train", "validation", "test")]
        assert chooser._numbers[raw].text() == " / ".join(map(str, numbers))

    # a third class, by annotation
    held_out = np.flatnonzero(cells["split"] == "test")[:2]
    odd = {session.key_of(row): "odd" for row in held_out}
    session.annotate(session.annotations.with_cells(odd))
    assert chooser._numbers["odd"].text() == "0 / 0 / 2"
    assert chooser.value() == {"compact": ("round",), "stretched": ("long",)}
    chooser.roles["odd"].setFocus()
    qtbot.keyClick(chooser.roles["odd"], Qt.Key.Key_Down)
    gathered = {"compact": ("odd", "round"), "stretched": ("long",)}
    assert {name: tuple(sorted(raw)) for name, raw in chooser.value().items()} == gathered
    config = widgets_to_config(dock.panel.form, STEPS["classify"].config)
    assert config.classes == chooser.value()

    qtbot.keyClick(chooser.roles["long"], Qt.Key.Key_Up, Qt.KeyboardModifier.NoModifier)
    chooser.roles["long"].setCurrentText("unused")
    assert "at least one as first and one as second" in chooser.warning.text()
    chooser.roles["odd"].setCurrentText("second")
    assert "No train cell is 'stretched'" in chooser.warning.text()
    assert "Only 2 test cells are 'stretched'" in chooser.warning.text()
    chooser.names[1].clear()
    qtbot.keyClicks(chooser.names[1], "strange")
    assert chooser.value() == {"compact": ("round",), "strange": ("odd",)}
    chooser.names[1].clear()
    qtbot.keyClicks(chooser.names[1], "a;b")
    assert "must have neither" in chooser.warning.text()


def test_a_third_class_is_told_apart_too_before_networks_are_trained(
    dock, session, crops_study, tmp_path
):
    study = shutil.copytree(crops_study, tmp_path / "study")
    session.open_study(study)
    assert dock.panel.form.fields["classes"].get() == {}
    odd = {session.key_of(0): "odd"}
    session.annotate(session.annotations.with_cells(odd))
    assert dock.chooser.value() == dock.panel.form.fields["classes"].get() == {}
    assert dock.chooser.mapping == {name: (name,) for name in ("long", "odd", "round")}
    assert "No test cell is 'odd'" in dock.chooser.warning.text()
    session.open_study(crops_study)
    assert dock.chooser.value() == dock.panel.form.fields["classes"].get() == {}


def test_classes_come_in_the_order_of_their_keys(dock, session, crops_study, tmp_path):
    study = shutil.copytree(crops_study, tmp_path / "study")
    session.open_study(study)
    colours = {"round": NEGATIVE, "long": POSITIVE}  # keys 1 and 2
    session.annotate(Annotations(colours, session.annotations.cells))
    named = {"round": ("round",), "long": ("long",)}
    for value in (dock.chooser.value(), dock.panel.form.fields["classes"].get()):
        assert [*value.items()] == [*named.items()], "blue is the first, here as there"


def test_the_network_is_what_survives(qtbot, dock, session, own_study):
    session.open_study(own_study)
    session.name_latent("z0", "size")
    tab(qtbot, dock, NETWORK)
    panel, view = dock.network, dock.network.view
    classifier = session.study.classifier()
    for number in range(classifier.sparse.seeds):
        panel.which.setCurrentIndex(number)
        quiet(qtbot, dock)
        network = classifier.compact(number)
        used = [classifier.inputs[i] for i in network.inputs]
        assert set(view.latents) == set(used)
        assert len(view.connections) == sum(np.count_nonzero(w) for w in network.weights)
        assert len(view.units) == sum(weight.shape[1] for weight in network.weights)
        assert all(item.drawn == 5 for item in view.latents.values()), "pictures along latents"
        assert f"{len(view.connections)} of" in panel.about.text()
    assert "★" in panel.which.itemText(classifier.chosen)
    panel.which.setCurrentIndex(classifier.chosen)

    name = next(iter(view.latents))
    session.name_latent(name, "another name")
    assert view.latents[name]._title == f"{name} another name"
    assert all(item.drawn == 5 for item in view.latents.values()), "kept"
    kept = round(classifier.kept_after[name] * classifier.sparse.seeds)
    assert view.latents[name]._kept == f"{kept}/{classifier.sparse.seeds}"


def test_a_click_on_a_latent_brings_it_into_sight(qtbot, dock, session, field_study):
    session.open_study(field_study)
    tab(qtbot, dock, NETWORK)
    view, told, before = dock.network.view, [], session.latents
    session.latent_looked_at.connect(told.append)
    for name, item in view.latents.items():
        view.ensureVisible(item)
        point = view.mapFromScene(item.mapToScene(item.boundingRect().center()))
        qtbot.mouseClick(view.viewport(), LEFT, pos=point)
        assert told[-1] == name
        assert [other for other, it in view.latents.items() if it.marked] == [name]
    np.testing.assert_array_equal(session.latents, before)
    view.setFocus()
    for _ in range(30):
        qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert told[-1] == view._order[0]
    session.look_at_latent(view._order[-1])
    assert view.latents[view._order[-1]].marked, "whoever asked for it"

    wide = view.transform().m11()
    qtbot.keyClicks(view, "+")
    assert view.transform().m11() > wide
    qtbot.keyClicks(view, "0")
    assert view.transform().m11() == pytest.approx(wide)
    qtbot.mouseClick(dock.network.zoom["−"], LEFT)
    assert view.transform().m11() < wide


def test_what_networks_agree_on_and_what_sparsity_costs(qtbot, dock, session, field_study):
    session.open_study(field_study)
    tab(qtbot, dock, SPARSITY)
    panel, classifier = dock.sparsity, session.study.classifier()
    assert {row.key: row.value for row in panel.kept.value()} == classifier.kept_after
    assert {row.key for row in panel.kept.value() if row.bold} == set(classifier.used)
    told = []
    session.latent_looked_at.connect(told.append)
    qtbot.mouseClick(panel.kept, LEFT, pos=QPoint(20, 30))
    assert told == [panel.kept.value()[1].key]
    sweep, rows = classifier.facts["sweep"], panel.sweep.value()
    assert len(rows) == len(sweep) + 2, "the chosen network and the dense ones too"
    for point, row in zip(sweep, rows, strict=False):
        assert row.value == pytest.approx(np.mean(point["accuracy"]))
        assert (row.low, row.high) == (min(point["accuracy"]), max(point["accuracy"]))
    assert f"on {classifier.facts['validation_cells']} validation cells" in panel.sweep_title.text()


def test_confusion_selects_cells(qtbot, dock, session, field_study):
    session.open_study(field_study)
    tab(qtbot, dock, EVALUATION)
    panel, study = dock.evaluation, session.study
    positive = target(study)[0]
    scores = {
        "black_box": study.network_scores()["black_box"],
        "sparse": study.network_scores()["sparse_mean"],
        "chosen": study.network_scores()["sparse"],
        "symbolic": session.cell_scores()[:, 0],
    }
    split = session.cells["split"].to_numpy()
    words = {"test": "held-out cells", "validation": "validation cells", "train": "training cells"}
    assert panel.cells.currentData() == "test"
    for part in ("train", "validation", "test"):
        pick(panel.cells, part)
        quiet(qtbot, dock)
        here = np.flatnonzero((split == part) & np.isfinite(positive))
        assert f"On {len(here)} {words[part]} of" in panel.where.text()
        for scheme, values in scores.items():
            pick(panel.scheme, scheme)
            counts = metrics.confusion(np.asarray(values)[here, None], positive[here])
            found = panel.confusion.value()
            assert found.tolist() == counts[:, :2].tolist()
            for (row, column), button in panel.confusion.buttons.items():
                assert button.isEnabled() == (found[row, column] > 0)
                if found[row, column]:
                    panel.confusion.buttons[row, column].click()
                    said = np.asarray(values) > 0
                    chosen = (positive == row) & (said == column) & (split == part)
                    np.testing.assert_array_equal(session.selection, np.flatnonzero(chosen))
    session.select_cells(np.zeros(0, int))
    button = next(b for b in panel.confusion.buttons.values() if b.isEnabled())
    qtbot.mouseClick(button, LEFT)
    assert len(session.selection) == int(button.text().split("\n")[0])
    marked = [b for b in panel.confusion.buttons.values() if "ffd400" in b.styleSheet()]
    assert [b.text() for b in marked] == [button.text()]
    session.select_cells(np.zeros(0, int))
    assert not any("ffd400" in b.styleSheet() for b in panel.confusion.buttons.values())


def test_schemes_are_compared_on_the_same_cells(qtbot, dock, session, field_study):
    session.open_study(field_study)
    tab(qtbot, dock, EVALUATION)
    panel = dock.evaluation
    rows = {row.key: row for row in panel.compared.value()}
    assert list(rows) == ["black_box", "dense", "sparse", "chosen", "symbolic"]
    for name, row in rows.items():
        assert row.label == SCHEMES[name]
        assert row.value == panel.found.schemes.get(name).balanced_accuracy.value
    pick(panel.metric, "auc")
    for row in panel.compared.value():
        assert row.value == panel.found.schemes.get(row.key).auc.value
    qtbot.mouseClick(panel.compared, LEFT, pos=QPoint(30, 30))
    assert panel.scheme.currentData() == "dense"
    assert panel.compared.chosen == "dense"
    np.testing.assert_array_equal(panel.confusion.value(), panel.found.confusion("dense")[:, :2])
    precision = panel.classes.value()[0]
    assert precision.label == "precision compact"
    assert precision.value == panel.found.per_class["dense"][0]["precision"].value


def test_evaluation_follows_annotations_and_equations(qtbot, dock, session, own_study):
    session.open_study(own_study)
    tab(qtbot, dock, EVALUATION)
    panel = dock.evaluation
    before = panel.confusion.value()
    row = int(np.flatnonzero(session.cells["split"] == "test")[0])
    was = session.cells["class"][row]
    other = {"round": "long", "long": "round"}[was]
    session.annotate(session.annotations.with_cells({session.key_of(row): other}))
    assert not panel.content.isEnabled(), "numbers of former classes are not up to date"
    quiet(qtbot, dock)
    after = panel.confusion.value()
    assert panel.content.isEnabled()
    first = int(other == "round") - int(was == "round")
    np.testing.assert_array_equal(after.sum(1) - before.sum(1), [first, -first])

    constant = Expression.parse("0*z0 - 1")
    session.try_expression(constant)
    quiet(qtbot, dock)
    assert panel.scheme.currentData() == "symbolic"
    np.testing.assert_array_equal(panel.confusion.value()[:, 1], [0, 0])
    undefined = Expression.parse("log(-1 - z0**2)")
    session.try_expression(undefined)
    quiet(qtbot, dock)
    assert panel.confusion.value()[:, 2].sum() == len(panel.found.rows), "not decided"

    everybody = {session.key_of(i): None for i in range(len(session.cells))}
    session.annotate(session.annotations.with_cells(everybody))
    quiet(qtbot, dock)
    assert "is annotated as 'compact' or 'stretched'" in panel.message.text()
    assert not panel.content.isVisible()


def test_nothing_out_of_date_is_shown(qtbot, dock, session, own_study):
    session.open_study(own_study)
    tab(qtbot, dock, NETWORK)
    assert dock.network.content.isVisible()
    tab(qtbot, dock, EVALUATION)
    assert dock.evaluation.content.isVisible()
    outdate(session, own_study)
    quiet(qtbot, dock)
    assert not dock.evaluation.content.isVisible()
    assert "out of date" in dock.evaluation.message.text()
    for number, panel in ((NETWORK, dock.network), (SPARSITY, dock.sparsity)):
        tab(qtbot, dock, number)
        assert not panel.content.isVisible()
        assert "out of date" in panel.message.text()
    assert not dock.network.view.latents
    tab(qtbot, dock, TRAIN)
    assert "out of date" in dock.needed.text()


def test_networks_that_were_taken_over(qtbot, dock, session):
    """The demo study's, with the sweep that they came with, and then without one."""
    session.open_study(copy_of_demo())
    assert "empty it to train" in dock.budget.text()
    tab(qtbot, dock, NETWORK)
    assert "Taken over from another study" in dock.network.about.text()
    assert len(dock.network.view.latents) == len(session.study.classifier().used)
    tab(qtbot, dock, SPARSITY)
    assert len(dock.sparsity.sweep.value()) >= 5
    dock.sparsity.set_networks(replace(dock._read, sweep=[], accuracy={}))
    assert not dock.sparsity.sweep.isVisible()
    assert "No other densities were tried" in dock.sparsity.note.text()
    tab(qtbot, dock, EVALUATION)
    assert dock.evaluation.cells.currentData() == "all"
    assert "all of them new to the networks" in dock.evaluation.where.text()
    schemes = session.study.schemes()
    for scheme in ("black_box", "dense", "sparse", "symbolic"):
        mine = dock.evaluation.found.schemes.get(scheme)
        assert mine.wrong == schemes.get(scheme).wrong, "as the step 'evaluate' says"
        assert mine.balanced_accuracy == schemes.get(scheme).balanced_accuracy


def test_damaged_networks_are_one_sentence(qtbot, dock, session, own_study):
    file = own_study / "classify" / "networks.safetensors"
    file.write_bytes(b"\xff" * file.stat().st_size)
    session.open_study(own_study)
    tab(qtbot, dock, NETWORK)
    assert "is damaged" in dock.network.message.text()
    assert not dock.network.content.isVisible()


def test_a_dock_that_is_opened_late(qtbot, viewer, session, field_study):
    session.open_study(field_study)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Sparse classifier")
    assert dock.chooser.value() == {"compact": ("round",), "stretched": ("long",)}
    tab(qtbot, dock, EVALUATION)
    assert dock.evaluation.content.isVisible()
    viewer.theme = "light"
    tab(qtbot, dock, NETWORK)
    assert dock.network.view.latents


def test_training_replaces_the_networks(qtbot, dock, session, own_study):
    session.open_study(own_study)
    tab(qtbot, dock, NETWORK)
    before = dock.network._read
    fields = dock.panel.form.fields
    fields["seeds"].widget.value = 3
    fields["steps"].widget.value = 60
    fields["rewiring"].widget.value = "set"
    with qtbot.waitSignal(dock.panel.runner.ended, timeout=60_000):
        qtbot.mouseClick(dock.panel.run_button, LEFT)
    assert "done" in dock.panel.message.text()
    assert dock.panel.curves.curves
    quiet(qtbot, dock)
    assert dock.network._read.fingerprint != before.fingerprint
    assert dock.network.which.count() == 3
    assert session.study.step("classify").config["rewiring"] == "set"


def random_network(latents, hidden=(12, 9), seed=0):
    rng, sizes = np.random.default_rng(seed), (latents, *hidden, 1)
    weights = tuple(rng.normal(size=shape) * (rng.random(shape) < 0.4) for shape in pairwise(sizes))
    return Compact(np.arange(latents), weights, tuple(np.zeros(size) for size in sizes[1:]))


@pytest.mark.parametrize("latents", [1, 2, 7, 20])
def test_any_number_of_latents_is_readable(qtbot, latents):
    view = NetworkView()
    qtbot.addWidget(view)
    view.resize(330, 400)
    view.show()
    names = [f"z{i}" for i in range(latents)]
    same = dict(zip(names, names, strict=True))
    view.set_network(random_network(latents), names, same, same, ("a", "b"))
    boxes = [item.sceneBoundingRect() for item in view.latents.values()]
    for i, box in enumerate(boxes):
        assert view.sceneRect().contains(box)
        assert not any(box.intersects(other) for other in boxes[:i])
    units = [unit.sceneBoundingRect() for unit in view.units.values()]
    for i, unit in enumerate(units):
        assert view.sceneRect().contains(unit)
        assert not any(unit.intersects(other) for other in [*units[:i], *boxes])
    assert 0.8 < view.transform().m11() < 1.5, "letters are neither tiny nor huge"
    assert not view.horizontalScrollBar().isVisible()


def test_a_latent_stands_out_with_its_paths(qtbot):
    weights = (np.array([[1.0, 0], [0, -2]]), np.array([[1.0], [1]]))
    network = Compact(np.arange(2), weights, (np.zeros(2), np.zeros(1)))
    view = NetworkView()
    qtbot.addWidget(view)
    view.set_network(network, ["z0", "z1"], *[{"z0": "z0", "z1": "z1"}] * 2, ("a", "b"))
    view._look((0, 0))
    bright = {item.ends for item in view.connections if item.opacity() == 1}
    assert bright == {((0, 0), (1, 0)), ((1, 0), (2, 0))}
    assert view.latents["z1"].opacity() < 1
    view._look(None)
    assert all(item.opacity() == 1 for item in (*view.connections, *view.latents.values()))
    by_ends = {item.ends: item for item in view.connections}
    thick, thin = by_ends[(0, 1), (1, 1)], by_ends[(0, 0), (1, 0)]
    assert thick.pen().widthF() > thin.pen().widthF()
    assert thick.pen().color() != thin.pen().color()
    assert "Weight −2.00 from z1" in thick.toolTip()


def test_a_network_without_latents(qtbot, dock, session, field_study):
    session.open_study(field_study)
    read = read_networks(str(field_study))
    nothing = Compact(
        np.zeros(0, int),
        tuple(np.zeros(shape) for shape in ((0, 0), (0, 0), (0, 1))),
        (np.zeros(0), np.zeros(0), np.ones(1)),
    )
    dock.network.set_networks(replace(read, networks=[nothing], chosen=0, losses=[1.0]))
    assert "No latent is left" in dock.network.about.text()
    assert not dock.network.view.latents


def test_rows_by_keyboard(qtbot):
    rows = Rows("Numbers.")
    qtbot.addWidget(rows)
    rows.set_value([Row(key, key, "", "", 0.5) for key in "abc"])
    told = []
    rows.clicked.connect(told.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Up):
        qtbot.keyClick(rows, key)
    qtbot.keyClick(rows, Qt.Key.Key_Space)
    assert told == ["b", "a"]
    qtbot.mouseClick(rows, LEFT, pos=QPoint(5, rows.sizeHint().height() - 5))
    assert told[-1] == "c"


def test_a_closed_dock_may_be_collected_as_garbage(qtbot, viewer, session, field_study):
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Sparse classifier")
    session.open_study(field_study)
    tab(qtbot, dock, NETWORK)
    dock.tabs.setCurrentIndex(EVALUATION)  # something is being computed
    parent = dock.parentWidget()
    parent.destroyOnClose()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del dock, parent
    gc.collect()
    session.look_at_latent("z0")
    session.annotations_changed.emit()
    viewer.theme = "light"
    session.close()
