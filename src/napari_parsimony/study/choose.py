"""Using another equation of the front, without looking for equations again."""

from napari_parsimony.artefact import replace_folder, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.study.lock import exclusive
from napari_parsimony.study.record import STEP_FILE, StepRecord, describe_again
from napari_parsimony.study.study import Study


def choose_equation(study: Study, size: int | None) -> StepRecord:
    """Use the equation of this size from now on; what was evaluated becomes stale.

    It is recorded as the setting `choice` of the step, so that running the step again with the
    recorded settings gives the same.

    Parameters
    ----------
    study
        A study with equations.
    size
        Operators + constants + variables; None: the smallest within one standard error of the best.

    Raises
    ------
    UserError
        If there are no equations, none of that size, or a step is running.
    """
    from napari_parsimony.symbolic.choice import with_choice

    with exclusive(study.path, "equations"):
        front, record = study.front(), study.step("equations")
        assert record is not None, "there is a front"
        sizes = [candidate.size for candidate in front.candidates]
        if size is not None and size not in sizes:
            raise UserError(
                f"There is no equation of size {size}: choose one of {', '.join(map(str, sizes))}."
            )
        front = with_choice(front, size)
        with replace_folder(study.path / "equations") as out:
            front.save(out / "front.json")
            record = describe_again(record, {**record.config, "choice": size}, out)
            write_json(out / STEP_FILE, record.model_dump(mode="json"))
    return record
