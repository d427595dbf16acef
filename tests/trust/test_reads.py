"""The sentence on which kinds of latents are read."""

import dataclasses

import pytest
from toy import toy

from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.meaning import explain
from napari_parsimony.trust.reads import check_reads


def said(reads, network):
    subject = dataclasses.replace(toy(), reads=reads)
    meanings = explain(subject)
    meanings["sparse network"] = meanings["latent"].isin(network)
    (finding,) = check_reads(subject, meanings, TrustConfig())
    return finding


@pytest.mark.parametrize(
    ("reads", "network", "severity", "sentence"),
    [
        (["z0", "z1"], ["z0"], "fine",
         "The law reads only latents of the central cell (z0, z1). The sparse network reads only "
         "latents of the central cell (z0)."),
        (["z0", "z4", "z5"], ["z0"], "note",
         "The law reads 3 latents: z0 tells of the central cell; z5 tells of what lies around it; "
         "z4 tells of where it lies. The sparse network reads only latents of the central cell "
         "(z0)."),
        ([], ["z0", "z1", "z6"], "note",
         "The law reads no latent. The sparse network reads 3 latents: z0, z1 tell of the central "
         "cell; z6 tells of brightness or imaging."),
    ],
)  # fmt: skip
def test_what_is_read_is_said(reads, network, severity, sentence):
    found = said(reads, network)
    assert (found.severity, found.sentence) == (severity, sentence)
    assert found.numbers["The sparse network: latents of central cell"] == sum(
        name in ("z0", "z1") for name in network
    )
