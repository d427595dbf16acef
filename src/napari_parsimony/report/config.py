"""Settings of the report."""

from pydantic import Field

from napari_parsimony.config import Config


class ReportConfig(Config):
    """What the report shows."""

    title: str = Field("", description="Title of the page; empty: the study's name.")
    cells: int = Field(
        20, ge=1, le=200, description="How many held-out cells are shown with their decoded crop."
    )
    x: str = Field(
        "",
        description="Latent along the decision map's x axis, for instance z17; "
        "empty: the one that decides most.",
    )
    y: str = Field(
        "",
        description="Latent along the decision map's y axis; empty: the one that decides "
        "second most.",
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of the choice of cells that are shown.",
        json_schema_extra={"advanced": True},
    )
