import base64
import dataclasses
import html.parser
import re

import numpy as np
import pytest
from made_up import content, front

from napari_parsimony.report import words
from napari_parsimony.report.html import Markup, join, table, tag
from napari_parsimony.report.page import SECTIONS, page
from napari_parsimony.report.results import decision_section
from napari_parsimony.trust.findings import GENERALISATION

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Checker(html.parser.HTMLParser):
    """Balanced tags, unique ids, every link leads somewhere, every picture has a description."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"].removeprefix("#"))
        if tag == "img":
            assert given["alt"]
            self.images.append(given["src"])
        assert tag not in {"script", "iframe", "link"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check(text):
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert set(checker.links) <= set(checker.ids)
    return checker


@pytest.fixture(scope="module")
def text():
    return page(content())


def test_the_page_is_well_formed_and_complete(text):
    checker = check(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    left_out = {"robustness", "stability", "ablations"}  # of steps that were not run
    assert checker.ids == [name for name, _, _ in SECTIONS if name not in left_out]
    assert len(checker.images) == 9
    shown = " ".join(checker.text)
    for words_of in ("95 %", "z29·(z17² + z21²) − exp(exp(z3))", "come from 8 movies only",
                     "3 not decided", "fingerprint ffffffffffff", "principal axis",
                     "Raise 'capacity'.", "know one thing about them",
                     r"z_{29} \, \left(z_{17}^{2} + z_{21}^{2}\right)",
                     "z29*(z17**2 + z21**2) - exp(exp(z3))"):  # fmt: skip
        assert words_of in shown, words_of


def test_nothing_is_fetched_from_anywhere(text):
    checker = check(text)
    pictures = [base64.b64decode(image.partition("base64,")[2]).decode("latin1")
                for image in checker.images if image.startswith("data:image/svg")]  # fmt: skip
    assert len(checker.images) > len(pictures) > 0
    assert all(image.startswith("data:image/") for image in checker.images)
    for part in (text, *pictures):
        # names of XML vocabularies look like addresses, but are never fetched
        part = re.sub(r'xmlns(:\w+)?="[^"]*"', "", part)
        assert "://" not in part
        assert "@import" not in part
        assert not re.search(r"url\((?!['\"]?#)", part)


def test_the_same_content_gives_the_same_page_and_progress_reaches_its_total(text):
    seen = []
    assert page(content(), seen.append) == text
    assert seen[-1].done == seen[-1].total
    assert np.all(np.diff([progress.done for progress in seen]) >= 0)


def test_everything_from_users_is_escaped():
    evil = "<script>alert('x')</script>"
    written = page(content(title=f"{evil} & more", classes=(f"{evil}", '"quoted" & <b>')))
    check(written)
    assert "<script" not in written
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more" in written


def test_markup_is_the_only_way_past_escaping():
    assert tag("p", "<b>", Markup("<i>x</i>"), title='"') == (
        '<p title="&quot;">&lt;b&gt;<i>x</i></p>'
    )
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_expressions_of_one_latent_and_of_none_are_shown():
    one = dataclasses.replace(content(two=False), front=front(["0.5*z17-1"], 0))
    assert "the equation&#x27;s only latent" in "".join(decision_section(one))
    none = dataclasses.replace(content(), front=front(["0.31"], 0), decision=None)
    assert "The equation is a constant" in "".join(decision_section(none))
    assert "in no latent answers it" in words.headline(none)[0]


def test_the_first_paragraphs_say_what_and_how_well():
    first, second, third = words.headline(content())
    assert "Of 850 cells with a class from 47 movies, 300" in first
    assert "in z3, z17, z21 and z29" in first
    assert re.search(r"Its balanced accuracy is 0\.\d{3} \(95 % interval 0\.\d{3} to", second)
    assert re.search(r"the equation has \d+\.\d % \(.*\) of its balanced accuracy", second)
    assert "trained without knowing the classes. It uses 18 of its 32 latents" in third
    assert "0.044 % of the dense network" in third
    guided = dataclasses.replace(content(), guidance=20.0)
    assert "with a weight of 20 (semi-supervised" in words.headline(guided)[2]


def test_columns_without_a_number_are_left_out():
    written = table(["scheme", "empty", "size"], [["a", "–", "1"], ["b", "–", "–"]], marked=1)
    assert "empty" not in written
    assert written.count("<td>") == 2
    assert '<tr class="chosen"><th scope="row">b</th>' in written


def test_an_equation_without_numbers_says_so():
    law = dataclasses.replace(content(), front=front(["z17*z29"], 0))
    assert "It holds no fitted number" in "".join(SECTIONS[0][2](law))
    assert "moves no cell" in "".join(
        SECTIONS[0][2](dataclasses.replace(law, front=front(["z17-0.5"], 0)))
    )


def test_numbers_as_people_write_them():
    assert words.share_of(0.0201) == "2 %"
    assert words.share_of(0.256) == "26 %"
    assert words.share_of(0.0) == "0 %"
    assert words.share_of(1e-7) == "< 0.001 %"
    assert words.share_of(None) == "–"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert sorted(["z10", "z9", "area"], key=words.natural) == ["area", "z9", "z10"]


def test_more_than_two_classes_have_a_line_each():
    names = ("interphase", "prometaphase", "ana & <co>_x")
    checker = check(page(content(classes=names)))
    shown = " ".join(checker.text)
    assert "Is a cell interphase, prometaphase or ana & <co>_x?" in shown
    assert "The likeliest class, paler where it is less likely" in shown
    assert "ana & <co>_x: 0" in shown
    assert "Expected calibration error" in shown
    assert len(checker.images) == 9 + len(names) - 1
    one = check(page(content(classes=names, two=False)))
    assert "The probability of each class along z17" in " ".join(one.text)


def test_where_not_to_trust_the_law_is_a_section_of_its_own():
    made = content()
    section = page(made).split('id="generalisation"')[1].split("</section>")[0]
    assert "12 of 180 are &lt;unlike&gt;." in section
    assert "8.0 %" in section
    assert "5.0 to 12.0" in section
    assert "50.0 %" in section
    assert "movie &lt;1&gt;" in section
    assert "It is 90 % sure." in section
    assert "12 of 180" not in page(made).split('id="trust"')[1].split("</section>")[0]
    old = [found for found in made.findings["trust"] if found.kind not in GENERALISATION]
    former = dataclasses.replace(made, findings={"trust": old}, groups=None)
    assert 'id="generalisation"' not in page(former)


def test_an_alarm_begins_the_first_paragraph_and_the_law_is_in_words():
    made = content()
    text = page(made)
    first = text.split("<header>")[1].split("<p>")[1]
    assert first.startswith("It rests on &lt;neighbours&gt;. Is a cell ")
    section = text.split('<section id="trust">')[1].split("</section>")[0]
    assert "metaphase: small &amp; elongated." in section
    assert "Alarm: It rests on" in section
    assert "size (-0.70)" in section
    found = made.findings["trust"]
    more = page(dataclasses.replace(made, findings={"trust": found[1:], "robustness": found[:1]}))
    assert more.split("<header>")[1].split("<p>")[1].startswith("It rests on &lt;neighbours&gt;.")
    calm = page(dataclasses.replace(made, findings={"trust": found[1:]}))
    assert calm.split("<header>")[1].split("<p>")[1].startswith("Is a cell ")
