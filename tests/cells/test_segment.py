"""Quick segmentation, from Python and from the command line."""

import json

import numpy as np
import pytest
import tifffile
from drawn import draw_ellipse, make_field

from napari_parsimony.cells.config import SegmentConfig
from napari_parsimony.cells.images import open_labels
from napari_parsimony.cells.segment import segment_plane
from napari_parsimony.cli import main
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError


def matched(truth, found):
    """Share of true nuclei of which one found shares more than half of the union."""
    count = 0
    for label in np.unique(truth[truth > 0]):
        mask = truth == label
        ids, overlap = np.unique(found[mask], return_counts=True)
        union = mask.sum() + np.array([(found == i).sum() for i in ids]) - overlap
        count += bool(((overlap / union > 0.5) & (ids > 0)).any())
    return count / len(np.unique(truth[truth > 0]))


@pytest.mark.parametrize("threshold", ["local", "otsu"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_nuclei_are_found(threshold, dtype):
    image, labels = make_field()
    image = (image // 5 if dtype == np.uint8 else image).astype(dtype)
    found = segment_plane(image, SegmentConfig(threshold=threshold))
    assert found.dtype == np.int32
    assert sorted(np.unique(found)) == list(range(17))
    assert matched(labels, found) == 1


def test_touching_nuclei_are_split():
    rng = np.random.default_rng(0)
    image, truth = rng.normal(50, 3, (120, 120)), np.zeros((120, 120), int)
    for i, (y, x) in enumerate([(40, 40), (40, 61), (80, 40), (80, 80)]):
        mask = draw_ellipse(image.shape, y, x, 11, 11, 0)
        image[mask], truth[mask] = rng.normal(200, 3, mask.sum()), i + 1
    found = segment_plane(image, SegmentConfig())
    assert found.max() == 4
    assert matched(truth, found) == 1


def test_uneven_light_is_no_nucleus():
    image, labels = make_field(cells=5)
    light = np.linspace(0, 900, image.shape[1])
    found = segment_plane(image + light, SegmentConfig(threshold="local", diameter=18))
    assert matched(labels, found) == 1


def test_nothing_is_found_in_nothing():
    assert segment_plane(np.full((50, 50), 7), SegmentConfig()).max() == 0
    assert segment_plane(np.full((50, 50), 7), SegmentConfig(diameter=10)).max() == 0


def test_settings_have_a_say():
    image, _ = make_field()
    assert segment_plane(image, SegmentConfig(min_area=200)).max() < 16
    plain, strict = (
        segment_plane(image, SegmentConfig(threshold="otsu", offset=offset)) for offset in (0, 0.5)
    )
    assert (strict > 0).sum() < (plain > 0).sum()


def run(capsys, *words):
    code = main(["segment", *map(str, words)])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_the_command(tmp_path, capsys):
    frames = np.stack([np.stack([make_field(seed)[0]] * 2) for seed in range(3)])
    frames[:, 0] = 5
    tifffile.imwrite(
        tmp_path / "m.tif", frames, metadata={"axes": "TCYX"}, photometric="minisblack"
    )
    code, out, _ = run(
        capsys, tmp_path / "m.tif", tmp_path / "l.tif", "--channel", 1, "--progress", "json"
    )
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["done"] for event in events if event["event"] == "progress"] == [1, 2, 3]
    assert events[-1]["event"] == "done"
    labels = open_labels(tmp_path / "l.tif")
    assert labels.count == 3
    for t in range(3):
        assert matched(make_field(t)[1], labels.read(t)[0]) == 1


def test_the_command_says_what_is_wrong(tmp_path, capsys, field):
    image, _ = field
    out = tmp_path / "l.tif"
    before = image.read_bytes()
    for words, sentence in {
        (tmp_path / "absent.tif", out): "does not exist",
        (image, tmp_path / "l.png"): "must be a TIFF file",
        (image, image): "would overwrite the image",
        (image, tmp_path / "no" / "l.tif"): "cannot be written",
        (image, out, "--channel", 2): "no channel 2: it has 1",
        (image, out, "--diameter", 0): "diameter' is not usable",
        (image, out, "--offset", 9): "No nucleus was found",
    }.items():
        code, _, err = run(capsys, *words, "--progress", "none")
        assert code == 1
        assert sentence in err
        assert "Traceback" not in err
        assert not out.exists()
    assert image.read_bytes() == before
    assert not list(tmp_path.glob(".*part"))
    with pytest.raises(UserError, match="none of auto"):
        parse_config(SegmentConfig, {"axes": "ZYX"})


def test_real_nuclei(real_data):
    image = tifffile.imread(real_data / "human_mitosis" / "dna.tif")
    truth = tifffile.imread(real_data / "human_mitosis" / "labels_auto.tif")
    found = segment_plane(image, SegmentConfig())
    assert abs(int(found.max()) - 313) < 20
    assert matched(truth, found) > 0.95
