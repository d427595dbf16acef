"""A few lines that write HTML in which nothing is forgotten to be escaped."""

import base64
import html
from collections.abc import Iterable, Sequence

_VOID = {"img", "meta", "br"}


class Markup(str):
    """Text that is HTML already; any other string is escaped where it is put into a page."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """Write an element.

    Parameters
    ----------
    name
        For instance ``"p"``.
    children
        `Markup` is put in as it is, other text is escaped.
    attributes
        Escaped; ``class_`` stands for ``class``.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Put parts behind each other, escaping what is not `Markup`."""
    return Markup(
        between.join(part if isinstance(part, Markup) else html.escape(part) for part in parts)
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], marked: int | None = None) -> Markup:
    """Write a table whose first column names its rows; columns of dashes alone are left out.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        Content, a cell for each column.
    marked
        Index of a row to set off.
    """
    rows = list(rows)
    shown = [i for i in range(len(head)) if i == 0 or any(row[i] != "–" for row in rows)]
    head, rows = [head[i] for i in shown], [[row[i] for i in shown] for row in rows]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell) for cell in row[1:]),
            **({"class_": "chosen"} if index == marked else {}),
        )
        for index, row in enumerate(rows)
    ]
    titles = [tag("th", name, scope="col") for name in head]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *body)),
        class_="wide",
    )


def picture(
    data: bytes, description: str, caption: str = "", kind: str = "svg+xml", width: int = 640
) -> Markup:
    """Put a picture into the page itself.

    Parameters
    ----------
    data
        The file.
    description
        What it shows, for those who do not see it.
    caption
        Text below.
    kind
        ``"svg+xml"`` or ``"png"``.
    width
        In pixels, where the page is wide enough.
    """
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    image = tag("img", src=source, alt=description, width=str(width))
    return tag("figure", image, *([tag("figcaption", caption)] if caption else []))
