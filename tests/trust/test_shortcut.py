"""The alarm, on cells of which it is known whether there is a short-cut."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from toy import toy

from napari_parsimony.errors import UserError
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.meaning import explain
from napari_parsimony.trust.regress import plan
from napari_parsimony.trust.shortcut import check_brightness, check_shortcuts, share_through

CONFIG = TrustConfig(resamples=100)
PLANTED = {
    "brightness": "short-cut: intensity/imaging",
    "neighbours": "short-cut: neighbourhood",
    "border": "short-cut: position",
}


def found(subject):
    return check_shortcuts(subject, explain(subject), CONFIG)


def alarms(subject):
    return [finding.kind for finding in found(subject) if finding.severity == "alarm"]


def test_clean_studies_raise_no_alarm():
    raised = [seed for seed in range(20) if alarms(toy(seed=seed, field_seed=seed % 2))]
    assert raised == []


def test_planted_short_cuts_are_found():
    kinds = list(PLANTED)
    missed = [
        (kinds[seed % 3], seed)
        for seed in range(21)
        if PLANTED[kinds[seed % 3]] not in alarms(toy(kinds[seed % 3], seed, field_seed=0))
    ]
    assert len(missed) <= 1, missed


def test_the_sentence_says_that_it_fails_elsewhere_and_shows_cells():
    subject = toy("brightness")
    (alarm,) = (each for each in found(subject) if each.severity == "alarm")
    assert alarm.sentence.startswith("The decision rests on brightness or imaging (through z6)")
    assert "but not in those held out" in alarm.sentence
    assert alarm.sentence.endswith("it is a short-cut, not biology.")
    keys = subject.keys[subject.plan.held_out].itertuples(index=False, name=None)
    assert 0 < len(alarm.cells) <= 50
    assert set(alarm.cells) <= set(keys)
    assert alarm.numbers["balanced accuracy by the traits, other groups"] > 0.8
    assert alarm.numbers["balanced accuracy by the traits, held-out groups"] < 0.6


def test_a_short_cut_that_was_not_taken_is_said_of_the_cells_that_were_learned_from():
    subject = toy("brightness")
    reads = [name for name in subject.reads if name != "z6"]
    law = subject.law
    blind = dataclasses.replace(subject, law=lambda z: law(z.assign(z6=0.0)), reads=reads)
    alarm = next(each for each in found(blind) if each.kind == PLANTED["brightness"])
    assert alarm.severity == "alarm"
    assert alarm.sentence.startswith("There is a short-cut in the movies that were learned from: ")
    assert "The decision does not rest on brightness or imaging" in alarm.sentence
    assert not alarm.cells

    everywhere = subject.traits.assign(brightness=2.0 * subject.target + subject.traits["area"])
    biology = dataclasses.replace(blind, traits=everywhere)
    note = next(each for each in found(biology) if each.kind == PLANTED["brightness"])
    assert note.severity == "note"
    assert note.sentence.startswith("The class can be told by brightness or imaging alone")


def test_a_constant_law_rests_on_nothing():
    subject = dataclasses.replace(toy(), law=lambda z: np.full((len(z), 1), 0.3), reads=[])
    assert not alarms(subject)


def test_brightness_alone_is_an_alarm_where_it_does_as_well_as_the_law():
    subject = toy()
    traits = subject.traits.assign(**{"crop maximum": subject.target + 0.0})
    kept = dataclasses.replace(subject, traits=traits, brightness_kept=True)
    (alarm,) = check_brightness(kept, explain(subject), CONFIG)
    assert alarm.severity == "alarm"
    assert "'normalisation'" in alarm.sentence
    dull = dataclasses.replace(kept, traits=traits.assign(**{"crop maximum": 1.0}))
    assert check_brightness(dull, explain(subject), CONFIG)[0].severity == "fine"
    assert check_brightness(subject, explain(subject), CONFIG) == []


def test_the_share_through_latents_is_that_of_the_variance():
    subject = toy()
    drawn = np.random.default_rng(0).standard_normal(subject.latents.shape)
    z = pd.DataFrame(drawn, columns=subject.latents.columns)
    independent = dataclasses.replace(
        subject, latents=z, law=lambda z: z[["z0", "z6"]].to_numpy() @ [[0.8], [0.6]]
    )
    assert share_through(independent, ["z0"]) == pytest.approx(0.64, abs=0.1)
    assert share_through(independent, ["z0", "z6"]) == pytest.approx(1, abs=0.1)
    assert share_through(independent, []) == 0


def test_more_than_two_classes():
    subject = toy("neighbours")
    law = subject.law
    three = dataclasses.replace(
        subject,
        classes=("a", "b", "c"),
        target=subject.target + (subject.traits["area"] > 1).to_numpy(),
        law=lambda z: np.concatenate([-law(z), law(z), z[["z0"]].to_numpy()], axis=1),
    )
    assert PLANTED["neighbours"] in alarms(three)


def test_cells_of_one_group_cannot_be_judged():
    with pytest.raises(UserError, match="groups of cells, of which there are 1 here"):
        plan(np.array(["a"] * 9), np.ones(9, bool))
