"""Settings of the command 'judge'; nothing heavy is imported, for ``--help`` must be quick."""

from pydantic import Field

from napari_parsimony.config import Config


class JudgeConfig(Config):
    """How a VAE is judged."""

    cells: int = Field(2000, ge=2, description="Cells to measure at most, drawn at random.")
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of that draw.")
