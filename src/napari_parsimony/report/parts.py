"""What sections of the page are made of: pictures, and numbers with their intervals."""

from matplotlib.figure import Figure

from napari_parsimony.figures.style import to_png, to_svg
from napari_parsimony.report import words
from napari_parsimony.report.html import Markup, join, picture, tag
from napari_parsimony.trust.schemes import Estimate


def svg(figure: Figure, description: str, caption: str = "") -> Markup:
    """Put in a drawing."""
    return picture(to_svg(figure, dpi=200), description, caption, width=_pixels(figure))


def png(figure: Figure, description: str, caption: str = "") -> Markup:
    """Put in a picture of pixels, such as cells."""
    return picture(to_png(figure), description, caption, "png", width=_pixels(figure))


def _pixels(figure: Figure) -> int:
    """Width on the page: letters of all figures are then of one size."""
    return round(figure.get_figwidth() * 96)


def estimate(estimate: Estimate | None, in_percent: bool = False) -> Markup:
    """Write a number above its interval."""
    value, bounds = words.number(estimate, in_percent)
    return join([value, tag("br"), tag("small", bounds)]) if bounds else join([value])
