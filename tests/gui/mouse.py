"""Mouse events as people make them."""

from qtpy.QtCore import Qt


def press(qtbot, button):
    """Press a button that is there to be pressed."""
    assert button.isEnabled(), button.text()
    assert button.isVisible(), button.text()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
