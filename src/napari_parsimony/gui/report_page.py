"""Opens a study's report in a web browser."""

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_parsimony.gui.dock import missing
from napari_parsimony.gui.session import Session
from napari_parsimony.report import REPORT


def open_report(session: Session) -> str | None:
    """Open the page; if that cannot be, say why in one sentence."""
    from napari_parsimony.report.page import FILE

    sentence = missing(session, REPORT.name)
    if sentence is not None:
        return sentence
    assert session.study is not None
    page = session.study.path / REPORT.name / FILE
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(page))):
        return f"No web browser could be started. The page is {page}."
    return None
