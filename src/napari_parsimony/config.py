"""What every step's configuration has in common."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_parsimony.errors import UserError


class Config(BaseModel):
    """A step's settings: validated, immutable, and complete enough to repeat the step.

    Every field carries a ``description``: it is the help text of the command line and the
    tooltip in napari. Fields marked ``json_schema_extra={"advanced": True}`` are folded away
    in forms.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


C = TypeVar("C", bound=Config)


def parse_config(kind: type[C], values: dict[str, object]) -> C:
    """Validate settings that a person wrote.

    Parameters
    ----------
    kind
        The configuration class of a step.
    values
        Settings by name, for instance a table of a TOML file.

    Raises
    ------
    UserError
        Naming the first setting that is wrong and why.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        subject = f"The setting '{place}' is" if place else "The settings are"
        why = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{subject} not usable: {why}.") from error
