"""The engines on the page 'Search', installing Julia, and equations of PySR from a file.

Julia is a stand-in (``fake_julia``), and so is what would download it.
"""

import os
from importlib import metadata
from pathlib import Path

import pytest

napari = pytest.importorskip("napari")
from mouse import press  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtWidgets import QApplication  # noqa: E402

from napari_parsimony.gui.equation_view import NOTATIONS  # noqa: E402
from napari_parsimony.gui.session import Session  # noqa: E402
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame  # noqa: E402

try:
    metadata.version("pysr")
except metadata.PackageNotFoundError:
    pytest.skip("the extra [pysr] is not installed", allow_module_level=True)

pytestmark = pytest.mark.gui
FAKE_JULIA = Path(__file__).parents[1] / "symbolic" / "fake_julia"


@pytest.fixture
def search(make_napari_viewer, field_study, qtbot, tmp_path, monkeypatch):
    """The page 'Search', with a stand-in for juliapkg whose `resolve` is given."""

    def make(resolve="return True"):
        folder = tmp_path / "stand-in"
        folder.mkdir(exist_ok=True)
        (folder / "juliapkg.py").write_text(
            "import os, pathlib, signal, sys, time\n"
            f"HERE = pathlib.Path({str(folder)!r})\n"
            f"def resolve(dry_run=False):\n    {resolve}\n"
            "def executable(): return 'fake_julia'\n"
        )
        places = [str(folder), str(FAKE_JULIA), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
        for name in ("XDG_CONFIG_HOME", "APPDATA"):
            monkeypatch.setenv(name, str(tmp_path / "home"))
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1366, 768)
        _, dock = viewer.window.add_plugin_dock_widget("napari-parsimony", "Equations")
        Session.of(viewer).open_study(field_study)
        dock.choose_tab("Search")
        qtbot.waitUntil(lambda: bool(dock.engines.states), timeout=60_000)
        return dock

    return make


def test_each_engine_says_whether_it_can_run(search):
    engines = search("return False").engines
    assert {name: label.text().split()[-1] for name, label in engines.labels.items()} == {
        "quick": "ready",
        "operon": "ready",
        "pysr": "missing",
    }
    assert "not its engine in Julia" in engines.lacking.text()
    assert "Install the Julia engine" in engines.labels["pysr"].toolTip()
    assert engines.install.isVisible()
    assert all(label.toolTip() for label in engines.labels.values())


def test_with_julia_there_is_nothing_to_install(search):
    engines = search().engines
    assert engines.labels["pysr"].text().endswith("ready")
    assert not engines.install.isVisible()
    assert not engines.lacking.isVisible()


def test_nothing_is_downloaded_before_install_is_pressed(search, qtbot):
    engines = search("(dry_run or (HERE / 'asked').touch()); return (HERE / 'asked').exists()")
    engines = engines.engines
    press(qtbot, engines.install)
    dialog = engines.dialog
    for word in ("julialang.org", "has not been measured", "other engines"):
        assert word in dialog.about.text()
    assert not dialog.running
    assert not (Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]) / "asked").exists()
    press(qtbot, dialog.install)
    qtbot.waitUntil(lambda: not dialog.running, timeout=60_000)
    assert dialog.message.text() == "The Julia engine is ready.", dialog.log.toPlainText()
    assert "PySR 2." in dialog.log.toPlainText()
    # and the page knows it
    qtbot.waitUntil(lambda: engines.labels["pysr"].text().endswith("ready"), timeout=60_000)
    assert not engines.install.isVisible()
    press(qtbot, dialog.done_button)
    assert not dialog.isVisible()


def test_a_failure_is_a_sentence_and_settings_reach_the_installation(search, qtbot):
    engines = search(
        "print('julia', os.getenv('PYTHON_JULIAPKG_EXE'), os.getenv('https_proxy'))\n"
        "    if not dry_run: raise OSError(28, 'No space left on device')"
    ).engines
    press(qtbot, engines.install)
    dialog = engines.dialog
    press(qtbot, dialog.more.button)
    dialog.fields["PYTHON_JULIAPKG_EXE"].setFocus()
    qtbot.keyClicks(dialog.fields["PYTHON_JULIAPKG_EXE"], "/opt/julia/bin/julia")
    qtbot.keyClicks(dialog.fields["HTTPS_PROXY"], "http://proxy:1")
    press(qtbot, dialog.install)
    qtbot.waitUntil(lambda: not dialog.running, timeout=60_000)
    assert "julia /opt/julia/bin/julia http://proxy:1" in dialog.log.toPlainText()
    assert "the disk is full" in dialog.message.text()
    assert "other engines go on working" in dialog.message.text()
    assert dialog.install.isEnabled()
    assert engines.labels["pysr"].text().endswith("missing")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_cancel_ends_the_installation(search, qtbot):
    engines = search(
        "if dry_run: return False\n    print('waiting', flush=True); signal.pause()"
    ).engines
    press(qtbot, engines.install)
    dialog = engines.dialog
    press(qtbot, dialog.install)
    qtbot.waitUntil(lambda: "waiting" in dialog.log.toPlainText(), timeout=60_000)
    dialog.close()
    assert dialog.isVisible(), "an installation is not lost from sight"
    assert "cancel it before" in dialog.message.text()
    press(qtbot, dialog.cancel)
    qtbot.waitUntil(lambda: not dialog.running, timeout=60_000)
    assert dialog.message.text().startswith("The installation was cancelled.")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_equations_of_pysr_take_part_in_the_search(search, tmp_path, field_study):
    dock = search()
    path = tmp_path / "hall_of_fame.csv"
    path.write_text('Complexity,Loss,Equation\n1,2.0,"x0"\n3,1.0,"x0 * 2.0f0"\n')
    dock.engines.take(path)
    assert dock.panel.form.fields["hall_of_fame"].get() == path
    assert dock.panel.message.text().startswith("2 equations of hall_of_fame.csv will take part")
    assert "x0 = z" in dock.panel.message.text()
    path.write_text('Complexity,Loss,Equation\n1,2.0,"area"\n')
    dock.engines.take(path)
    assert "read 'area', but the latents are z" in dock.panel.message.text()


def test_the_front_is_saved_as_pysr_writes_it(search, tmp_path):
    dock = search()
    session = dock.session
    (notation,) = [notation for notation in NOTATIONS if "PySR" in notation.name]
    dock.view.save_as(notation, tmp_path / "hall_of_fame.csv")
    members = read_hall_of_fame(tmp_path, session.front.variables)
    assert [m.expression for m in members] == [c.expression for c in session.front.candidates]
    for action, known in zip(dock.view.copy.menu().actions(), NOTATIONS, strict=True):
        assert action.text() == known.name
    QApplication.processEvents()
