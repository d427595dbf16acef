"""What people call much and little of a trait."""

from typing import NamedTuple


class Words(NamedTuple):
    """Adjectives and comparatives for little and for much of a trait."""

    low: str
    high: str
    lower: str
    higher: str


_WORDS = {
    "size": Words("small", "large", "smaller", "larger"),
    "length": Words("short", "long", "shorter", "longer"),
    "width": Words("narrow", "wide", "narrower", "wider"),
    "elongation": Words("round", "elongated", "rounder", "more elongated"),
    "solidity": Words("indented", "convex", "more indented", "more convex"),
    "brightness": Words("dim", "bright", "dimmer", "brighter"),
    "contrast": Words("even", "uneven in brightness", "more even", "more uneven"),
    "texture": Words("smooth", "textured", "smoother", "more textured"),
    "bright centre": Words(
        "bright at the rim", "bright in the middle", "brighter at the rim", "brighter in the middle"
    ),
    "position left-right": Words("left of the middle", "right of the middle", "further left",
                                 "further right"),
    "position up-down": Words("above the middle", "below the middle", "higher up", "lower down"),
    "other objects": Words("with few neighbours", "with many neighbours", "lonelier",
                           "more crowded"),
    "area of others": Words("with little around it", "with much around it", "lonelier",
                            "more crowded"),
    "brightness outside": Words("in dark surroundings", "in bright surroundings",
                                "darker the surroundings", "brighter the surroundings"),
    "background": Words("on a dark background", "on a bright background", "darker the background",
                        "brighter the background"),
    "sharpness": Words("blurred at the outline", "sharply outlined", "more blurred", "sharper"),
    "beyond the image": Words("away from the image's border", "at the image's border",
                              "further from the border", "nearer to the border"),
    "crop maximum": Words("dim", "bright", "dimmer", "brighter"),
}  # fmt: skip


def words(trait: str) -> Words:
    """Find the words for a trait; plain ones for traits without any of their own."""
    if trait.startswith("neighbour "):
        side = trait.removeprefix("neighbour ")
        return Words(
            f"without a neighbour ({side})",
            f"with a neighbour ({side})",
            f"darker the crop ({side})",
            f"brighter the crop ({side})",
        )
    plain = Words(f"low in {trait}", f"high in {trait}", f"lower in {trait}", f"higher in {trait}")
    return _WORDS.get(trait, plain)
