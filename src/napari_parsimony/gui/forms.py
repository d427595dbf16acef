"""Forms for the settings of a step: settings to widgets, and widgets to settings."""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from magicgui import widgets as mw
from magicgui.types import FileDialogMode
from pydantic.fields import FieldInfo
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_parsimony.config import Config, parse_config
from napari_parsimony.errors import UserError
from napari_parsimony.gui.dock import Folded, wheel_needs_focus

C = TypeVar("C", bound=Config)

EMPTY = {
    "channels": "all",
    "window": "pixels; empty: by the nuclei",
    "window_um": "µm, instead of the window",
    "pixel_size": "µm per pixel",
    "diameter": "pixels; empty: found",
    "min_area": "by the diameter",
}
"""What settings mean where nothing is written, shorter than their descriptions have it."""

IMAGES = "*.tif *.tiff *.png *.jpg *.jpeg *.bmp"


@dataclass
class Field:
    """One setting as a widget, and how its value is written there and read again."""

    widget: Any
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]

    def set(self, value: Any) -> None:
        """Show a value."""
        self.widget.value = self.write(value)
        if isinstance(self.widget, mw.LineEdit):
            # else only the end of a long text is seen
            self.widget.native.setCursorPosition(0)

    def get(self) -> Any:
        """Take the value that a person left."""
        return self.read(self.widget.value)


@dataclass
class Form:
    """The settings of a step as widgets.

    Attributes
    ----------
    kind
        Class of the settings.
    fields
        By name of the setting.
    native
        What a dock shows.
    """

    kind: type[Config]
    fields: dict[str, Field]
    native: QWidget


def config_to_widgets(kind: type[Config], values: Mapping[str, Any] | None = None) -> Form:
    """Make a form.

    Parameters
    ----------
    kind
        Class of the settings.
    values
        Settings to begin with, by name; those that are not given have their defaults.
    """
    native = QWidget()
    outer = QVBoxLayout(native)
    outer.setContentsMargins(0, 0, 0, 0)
    above, below = QWidget(), QWidget()
    plain, advanced = _rows(above), _rows(below)
    fields = {}
    for name, info in kind.model_fields.items():
        field = fields[name] = _field(info)
        field.widget.name = name
        if isinstance(field.widget, mw.FileEdit):
            # its own words leave no room for the path
            field.widget.choose_btn.text = "…"
            field.widget.choose_btn.native.setMaximumWidth(28)
        if isinstance(field.widget, mw.LineEdit):
            said = re.search(r"\bempty: ([^.;]+)", info.description or "")
            field.widget.native.setPlaceholderText(EMPTY.get(name, said[1] if said else ""))
        default = info.get_default(call_default_factory=True)
        field.set((values or {}).get(name, default))
        extra = info.json_schema_extra
        folded = isinstance(extra, dict) and bool(extra.get("advanced"))
        _add_row(advanced if folded else plain, name, field.widget.native, info.description or "")
    outer.addWidget(above)
    if advanced.rowCount():
        tip = "Settings that most people leave as they are."
        outer.addWidget(Folded("More settings", tip, below))
    wheel_needs_focus(*native.findChildren(QAbstractSpinBox), *native.findChildren(QComboBox))
    return Form(kind, fields, native)


def widgets_to_config(form: Form, kind: type[C]) -> C:
    """Read a form.

    Raises
    ------
    UserError
        Naming the first setting that is wrong and why.
    """
    values = {}
    for name, field in form.fields.items():
        try:
            values[name] = field.get()
        except ValueError as error:
            raise UserError(f"The setting '{name}' is not usable: {error}.") from error
    return parse_config(kind, values)


def set_values(form: Form, values: Mapping[str, Any]) -> None:
    """Show other values of some settings."""
    for name, value in values.items():
        form.fields[name].set(value)


def _rows(parent: QWidget) -> QFormLayout:
    rows = QFormLayout(parent)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setVerticalSpacing(4)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return rows


def _add_row(rows: QFormLayout, name: str, native: QWidget, description: str) -> None:
    label = QLabel(name.replace("_", " "))
    # rich text, so that long descriptions are wrapped
    tooltip = f"<qt>{description}</qt>" if description else ""
    label.setToolTip(tooltip)
    for widget in [native, *native.findChildren(QWidget)]:
        widget.setToolTip(tooltip)
    native.setMinimumWidth(60)
    native.setSizePolicy(QSizePolicy.Policy.Expanding, native.sizePolicy().verticalPolicy())
    rows.addRow(label, native)


def _field(info: FieldInfo) -> Field:
    """Choose a widget by the type of a setting."""
    kind, optional = _without_none(info.annotation)
    if kind is Path:
        # whether a folder or a file is meant, only the name of the setting could say
        folder = "folder" in (info.description or "").lower().split(maxsplit=1)[:1]
        mode = FileDialogMode.EXISTING_DIRECTORY if folder else FileDialogMode.EXISTING_FILE
        return Field(mw.FileEdit(mode=mode, nullable=True), lambda value: value, _path)
    if _is_tuple_of(kind, Path):
        many = mw.FileEdit(mode=FileDialogMode.EXISTING_FILES, filter=IMAGES, nullable=True)
        return Field(
            many,
            lambda value: tuple(map(str, value)) or None,
            # magicgui's own value is split at each ", "
            lambda _: _paths(many.line_edit.value),
        )
    if get_origin(kind) is Literal:
        return Field(mw.ComboBox(choices=get_args(kind)), lambda value: value, lambda value: value)
    if _is_tuple_of(kind, Literal):
        choices = get_args(get_args(kind)[0])
        several = mw.Select(choices=choices)
        rows = several.native
        rows.setFixedHeight(rows.sizeHintForRow(0) * len(choices) + 2 * rows.frameWidth() + 4)
        return Field(several, list, tuple)
    if kind is bool:
        return Field(mw.CheckBox(text=""), bool, bool)
    if kind is int and not optional:
        low, high = _bounds(info)
        return Field(mw.SpinBox(min=low, max=high), int, int)
    if kind is int:
        return Field(mw.LineEdit(), _number_text, lambda text: _number(text, int))
    if kind is float:
        return Field(mw.LineEdit(), _number_text, lambda text: _number(text, float))
    if _is_tuple_of(kind, int):
        return Field(mw.LineEdit(), _numbers_text, _whole_numbers)
    if get_origin(kind) is dict:
        return Field(mw.LineEdit(), classes_text, parse_classes)
    if kind is str:
        return Field(
            mw.LineEdit(),
            lambda value: value or "",
            (lambda text: text.strip() or None) if optional else str.strip,
        )
    raise TypeError(f"no widget for a setting of type {info.annotation}")


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (types.UnionType, Union):
        (kind,) = (arg for arg in get_args(annotation) if arg is not type(None))
        return kind, True
    return annotation, False


def _is_tuple_of(kind: Any, of: Any) -> bool:
    if get_origin(kind) is not tuple:
        return False
    item = get_args(kind)[0]
    return item is of or get_origin(item) is of


def _bounds(info: FieldInfo) -> tuple[int, int]:
    low, high = -(2**31), 2**31 - 1
    for rule in info.metadata:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low - 1) + 1)
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high + 1) - 1)
    return low, high


def _path(value: Path | None) -> Path | None:
    # an empty entry is the path "." to magicgui
    return None if value is None or str(value) in ("", ".") else value


def _paths(text: str) -> tuple[Path, ...]:
    # what was set or chosen is absolute, which tells a path from a name with a comma
    absolute = r"(?:/|\\\\|[A-Za-z]:[/\\])"
    parted = rf", (?={absolute})" if re.match(absolute, text) else ", "
    return tuple(Path(part) for part in re.split(parted, text) if part.strip(" ."))


def _number_text(value: float | None) -> str:
    return "" if value is None else repr(value)


def _numbers_text(value: tuple[int, ...]) -> str:
    return ", ".join(map(str, value))


def _number(text: str, kind: Callable[[str], Any]) -> Any:
    text = text.strip()
    try:
        return kind(text) if text else None
    except ValueError:
        raise ValueError(f"'{text}' is not a {'whole ' if kind is int else ''}number") from None


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(_number(part, int) for part in text.split(",") if part.strip())


def classes_text(value: Mapping[str, tuple[str, ...]]) -> str:
    """Write classes as ``resting = G1, S; dividing = M``."""
    return "; ".join(f"{name} = {', '.join(map(str, raw))}" for name, raw in value.items())


def parse_classes(text: str) -> dict[str, tuple[str, ...]]:
    """Read what `classes_text` writes."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.split(";")):
        name, equals, raw = part.partition("=")
        if not equals or not name.strip() or name.strip() in found:
            raise ValueError(f"'{part.strip()}' is not like 'name = class, class; name = class'")
        found[name.strip()] = tuple(word.strip() for word in raw.split(",") if word.strip())
    return found
