"""What kinds of latents the law and the sparse network read."""

from collections.abc import Sequence

import pandas as pd

from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import Finding
from napari_parsimony.trust.subject import Subject
from napari_parsimony.trust.traits import CENTRAL, IMAGING, NEIGHBOURHOOD, POSITION, UNCLEAR

OF = {
    CENTRAL: "the central cell",
    NEIGHBOURHOOD: "what lies around it",
    POSITION: "where it lies",
    IMAGING: "brightness or imaging",
}


def check_reads(subject: Subject, meanings: pd.DataFrame, config: TrustConfig) -> list[Finding]:
    """Say whether the law reads the central cell only, and the same of the sparse network."""
    network = meanings.loc[meanings["sparse network"], "latent"].tolist()
    readers = {"The law": list(subject.reads), "The sparse network": network}
    sentences = [_sentence(reader, reads, meanings) for reader, reads in readers.items()]
    groups = meanings.set_index("latent")["group"]
    only = all((groups[reads] == CENTRAL).all() for reads in readers.values())
    numbers = {
        f"{reader}: latents of {group}": float((groups[reads] == group).sum())
        for reader, reads in readers.items()
        for group in (*OF, UNCLEAR)
    }
    return [Finding("what it reads", "fine" if only else "note", " ".join(sentences), (), numbers)]


def _sentence(reader: str, reads: Sequence[str], meanings: pd.DataFrame) -> str:
    groups = meanings.set_index("latent")["group"]
    found = {group: [name for name in reads if groups[name] == group] for group in (*OF, UNCLEAR)}
    if not reads:
        return f"{reader} reads no latent."
    if len(found[CENTRAL]) == len(reads):
        return f"{reader} reads only latents of the central cell ({', '.join(reads)})."
    parts = [f"{_of(found[group], what)}" for group, what in OF.items() if found[group]]
    if found[UNCLEAR]:
        few = len(found[UNCLEAR]) == 1
        parts.append(f"what {', '.join(found[UNCLEAR])} {'tells' if few else 'tell'} is unclear")
    count = f"{len(reads)} latent{'' if len(reads) == 1 else 's'}"
    return f"{reader} reads {count}: {'; '.join(parts)}."


def _of(names: Sequence[str], what: str) -> str:
    return f"{', '.join(names)} {'tells' if len(names) == 1 else 'tell'} of {what}"
