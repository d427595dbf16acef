import pytest

from napari_parsimony.artefact import write_json
from napari_parsimony.errors import UserError
from napari_parsimony.trust.findings import Finding, load_findings, save_findings


def test_findings_survive_the_file_and_the_gravest_comes_first(tmp_path):
    fine = Finding("law in words", "fine", "metaphase: small.")
    alarm = Finding(
        "short-cut", "alarm", "It rests on β.", (("a.tif", 0, 2**31),), {"r": None, "s": 0.1}
    )
    save_findings([fine, alarm], tmp_path / "findings.json")
    assert load_findings(tmp_path / "findings.json") == (alarm, fine)


def test_a_severity_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'bad'"):
        Finding("x", "bad", "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"format_version": 2}, "newer napari-parsimony"),
        ({"format_version": 1}, "is damaged .* run the step 'trust' again"),
        ({"format_version": 1, "findings": [{"kind": "x"}]}, "is damaged"),
        ([1], "is damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    write_json(tmp_path / "findings.json", content)
    with pytest.raises(UserError, match=message):
        load_findings(tmp_path / "findings.json")
