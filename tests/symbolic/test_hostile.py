"""Files that were made to harm end in one sentence, at once, and run nothing."""

import json
import time

import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.progress import silent
from napari_parsimony.symbolic.expression import Expression
from napari_parsimony.symbolic.front import Front
from napari_parsimony.symbolic.hall_of_fame import read_hall_of_fame
from napari_parsimony.symbolic.search import search_front

from .test_front import candidate
from .test_search import QUICK, study

CODE = "__import__('pathlib').Path('{mark}').touch()"
TEXTS = {
    "code": CODE,
    "attributes": "z3.__class__.__base__.__subclasses__()",
    "lambda": "(lambda: 0)()",
    "brackets": "(" * 10**6,
    "closed brackets": "(" * 10**6 + "z3" + ")" * 10**6,
    "functions": "exp(" * 10**6,
    "signs": "-" * 10**6,
    "digits": "9" * 10**7,
    "decimals": "0." + "9" * 10**7,
    "powers": "9^9^" * 5000 + "9",
    "sum": "+".join(["z3"] * 3_000_000),
    "many": "z3;" * 3_000_000,
}


@pytest.fixture(params=TEXTS)
def text(request, tmp_path):
    yield TEXTS[request.param].replace("{mark}", str(tmp_path / "ran"))
    assert not (tmp_path / "ran").exists(), "it was run"


def refused(act):
    """The sentence that it ends in, within a second of this process's own time."""
    start = time.process_time()
    with pytest.raises(UserError) as caught:
        act()
    assert time.process_time() - start < 1
    sentence = str(caught.value)
    assert len(sentence) < 500
    assert "\n" not in sentence
    return sentence


def test_a_text(text):
    refused(lambda: Expression.parse(text, ["z3"]))


@pytest.mark.parametrize("place", ["candidates", "laws"])
def test_a_front(text, place, tmp_path):
    path = tmp_path / "front.json"
    Front((candidate(),), 0, ("z3",)).save(path)
    content = json.loads(path.read_text())
    law = {"expression": "z3", "digits": 3, "members": [], "found_by": []}
    content["laws"] = [law]
    content[place][0]["expression"] = text
    path.write_text(json.dumps(content))
    assert "front" in refused(lambda: Front.load(path))


@pytest.mark.parametrize(
    "content",
    [
        "[" * 10**6,
        "[" * 10**6 + "]" * 10**6,
        '{"a":' * 10**6,
        "9" * 10**7,
        '{"format_version": ' + "9" * 10**7 + "}",
        '{"format_version": 2, "variables": [], "chosen": ' + "9" * 9_000_000 + "}",
        '{"format_version": 2, "chosen": 0.' + "9" * 9_000_000 + "}",
        '{"format_version": NaN}',
        '{"format_version": 2, "variables": ["' + "z" * 9_000_000 + '"]}',
        "\0" * 100,
    ],
    ids=range(10),
)
def test_no_front_at_all(content, tmp_path):
    path = tmp_path / "front.json"
    path.write_text(content)
    refused(lambda: Front.load(path))


def test_equations_by_hand(text):
    config = QUICK.model_copy(update={"by_hand": text})
    data = study(60)
    refused(lambda: search_front(*data, config, silent))


def test_a_hall_of_fame(text, tmp_path):
    path = tmp_path / "hall_of_fame.csv"
    path.write_text(f'Complexity,Loss,Equation\n1,0.5,"{text}"\n')
    refused(lambda: read_hall_of_fame(path, ("z3",)))
