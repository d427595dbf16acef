"""Numbers and names where there is little room."""

from collections.abc import Iterable


def numbers(values: Iterable[float]) -> list[str]:
    """Write numbers of one axis with as many decimals as tell them apart, and a true minus."""
    listed = [float(value) for value in values]
    decimals = 1
    while decimals < 4 and len({f"{v:.{decimals}f}" for v in listed}) < len(set(listed)):
        decimals += 1
    texts = [f"{value:.{decimals}f}" for value in listed]
    return ["0" if float(text) == 0 else text.replace("-", "−") for text in texts]


def shortened(text: str, length: int) -> str:
    """Cut a text that would leave its place, visibly."""
    return text if len(text) <= length else text[: length - 1] + "…"


def file_name(path: str, length: int = 30) -> str:
    """Name of a file without its folder; of a long one, the middle is left out."""
    name = path.rpartition("/")[2]
    head = length // 2
    return name if len(name) <= length else f"{name[:head]}…{name[head + 1 - length :]}"
