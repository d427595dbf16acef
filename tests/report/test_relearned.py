"""Sections on laws learned once more: there only if the steps were run."""

import dataclasses

import numpy as np
import pandas as pd
from made_up import content

from napari_parsimony.report.content import Again
from napari_parsimony.report.page import page
from napari_parsimony.trust.ablation_findings import ablation_findings, verdict
from napari_parsimony.trust.findings import Finding


def again():
    runs = pd.DataFrame(
        {
            "vae": [0, 0, 1], "networks": [-1, 0, 0], "search": [-1, 0, 1], "size": [9, 11, 5],
            "balanced_accuracy": [0.9, 0.88, 0.81], "group": [0, 0, 1],
            "aligned": ["z17 − z29", "2·z17 − z29", "z17 < z5_vae1"],
        }
    )  # fmt: skip
    kept = pd.DataFrame(
        {
            "kind": ["latent", "latent", "trait"], "name": ["z17", "z29", "size"],
            "meaning": ["size", "", "size"], "group": ["central cell", "", "central cell"],
            "laws": [2, 1, 2], "of_laws": 2, "networks": [2, 0, 2], "of_networks": 2,
            "alike": [0.93, np.nan, np.nan],
        }
    )  # fmt: skip
    return Again(runs, kept, np.array([[1, 0.97, 0.8], [0.97, 1, 0.79], [0.8, 0.79, 1]]))


def ablated(names=("symbolic", "pca", "ebm", "central")):
    table = pd.DataFrame(
        {
            "name": ["symbolic", "pca", "ebm", "central"],
            "title": ["symbolic: the law", "principal components", "boosting machine", "traits"],
            "part": ["the study", "disentanglement", "equation", "latents"],
            "reference": [True, False, False, False],
            "balanced_accuracy": [0.86, 0.71, np.nan, 0.93],
            "balanced_accuracy low": [0.8, 0.65, np.nan, 0.9],
            "balanced_accuracy high": [0.9, 0.76, np.nan, 0.96],
            "difference": [0, -0.15, np.nan, 0.07], "difference low": [0, -0.2, np.nan, 0.02],
            "difference high": [0, -0.1, np.nan, 0.12],
            "inputs": pd.array([4, 3, None, 2], "Int64"),
            "parameters": pd.array([5, 6, None, 3], "Int64"),
            "size": pd.array([21, 19, None, 7], "Int64"),
            "networks": [np.nan, 0.75, np.nan, 0.94], "equation": "",
            "note": ["", "", "absent", ""],
        }
    )  # fmt: skip
    return table[table["name"].isin(names)]


def test_what_was_not_run_has_no_section():
    text = page(content())
    assert 'id="stability"' not in text
    assert 'id="ablations"' not in text


def test_stability_is_told():
    found = {**content().findings, "stability": [Finding("stability: laws", "note", "Two <ways>.")]}
    text = page(dataclasses.replace(content(), again=again(), findings=found))
    section = text.split('<section id="stability">')[1].split("</section>")[0]
    assert "Two &lt;ways&gt;." in section
    for said in ("central cell – size", "2 of 2", "1 of 2", "0.93", "unclear",
                 "VAE 2, networks 1, search 2", "the study&#x27;s law",
                 "z17 &lt; z5_vae1"):  # fmt: skip
        assert said in section, said


def test_ablations_are_told():
    table = ablated()
    found = {**content().findings, "ablations": ablation_findings(table)}
    text = page(dataclasses.replace(content(), ablations=table, findings=found))
    section = text.split('<section id="ablations">')[1].split("</section>")[0]
    for said in ("−0.15<br><small>−0.20 to −0.10</small>", "+0.07", "absent", "0.94",
                 "Without disentanglement, decisions on held-out cells are worse"):  # fmt: skip
        assert said in section, said


def test_better_and_worse_need_an_interval_that_leaves_0_out():
    table = ablated().set_index("name")
    said = {name: verdict(row) for name, row in table.iterrows()}
    assert said["pca"] == "worse"
    assert said["central"] == "better"
    assert said["symbolic"] == "not clearly better or worse"
    assert said["ebm"] == "not comparable for certain"
    kinds = {f.kind: f.severity for f in ablation_findings(ablated())}
    assert kinds == {"ablation: disentanglement": "fine", "ablation: latents": "note"}
