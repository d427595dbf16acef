"""What people call the latents of a study."""

from collections.abc import Mapping

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study

FILE = "latent_names.json"


def read_latent_names(study: Study) -> dict[str, str]:
    """Read the names, by `z0`, `z1`, …; those of latents of an earlier VAE are forgotten.

    Raises
    ------
    UserError
        If the file is something else.
    """
    path, record = study.path / FILE, study.step("vae")
    if record is None or not path.exists():
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("names"), dict):
        raise UserError(f"The file {path} holds no names of latents: move it away.")
    if content.get("vae") != record.fingerprint:
        return {}
    return {str(latent): str(name) for latent, name in content["names"].items()}


def write_latent_names(study: Study, names: dict[str, str]) -> None:
    """Replace the names.

    Raises
    ------
    UserError
        If there is no VAE, or they cannot be written.
    """
    record = study.step("vae")
    if record is None:
        raise UserError(f"The study '{study.name}' has no latents yet: run the step 'vae'.")
    write_json(study.path / FILE, {"vae": record.fingerprint, "names": names})


def title(latent: str, names: Mapping[str, str]) -> str:
    """Name of a latent with its index, for people: ``z3 size``."""
    return f"{latent} {names.get(latent, '')}".strip()
