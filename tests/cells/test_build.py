import numpy as np
import pandas as pd
import pytest
import tifffile
from drawn import make_field

from napari_parsimony.cells.build import build_cells
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.geometry import crop_to_image
from napari_parsimony.cells.orient import central_mask, mask_moments
from napari_parsimony.cells.table import COLUMNS, KEY, read_cells
from napari_parsimony.config import parse_config
from napari_parsimony.errors import UserError

PATTERN = r"t(?P<frame>\d+)_(?P<movie>m\d+)"


def build(out, **settings):
    out.mkdir(exist_ok=True)
    build_cells(parse_config(CellsConfig, settings), out)
    crops = np.load(out / "crops.npy", mmap_mode="r", allow_pickle=False)
    return read_cells(out / "cells.parquet"), crops


@pytest.mark.parametrize("orientation", ["imaged", "principal axis"])
def test_a_field(tmp_path, field, orientation):
    image, labels = field
    cells, crops = build(tmp_path / "o", image=[image], labels=[labels], orientation=orientation)
    assert list(cells.columns) == list(COLUMNS)
    assert crops.shape == (16, 1, 64, 64)
    assert crops.dtype == np.float16
    assert crops.min() == 0
    assert crops.max() == 1
    assert cells["label"].tolist() == list(range(1, 17))
    assert cells["class"].isna().all()
    assert cells["group"].nunique() == 9
    found = [mask_moments(central_mask(crop[0])) for crop in crops]
    # the cell is in the middle, and its longer axis horizontal if so asked
    assert max(np.hypot(one.y - 31.5, one.x - 31.5)[0] for one in found) < 1.5
    tilt = max(abs(np.sin(one.angle[0])) for one in found)
    assert tilt < 0.1 if orientation == "principal axis" else tilt > 0.8


def test_crops_show_what_the_geometry_says(tmp_path, field):
    image, labels = field
    cells, crops = build(
        tmp_path / "o", image=[image], labels=[labels], orientation="principal axis", window=64
    )
    cell = cells.iloc[5]
    affine = crop_to_image(cell["angle"], cell["scale"], 64, cell["y"], cell["x"])
    source = tifffile.imread(labels)
    for pixel in [(32, 32), (32, 36), (30, 32), (28, 20), (2, 40)]:
        row, column = np.rint(affine @ [*pixel, 1])[:2].astype(int)
        if not cell["border"]:
            assert (source[row, column] > 0) == (crops[5, 0][pixel] > 0.3)
    assert cell["scale"] == 1


def test_same_again_gives_the_same_bytes(tmp_path, field):
    image, labels = field
    for name in ("a", "b"):
        build(tmp_path / name, image=[image], labels=[labels], orientation="principal axis")
    for name in ("crops.npy", "cells.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixel_types_and_normalisations(tmp_path, field, dtype):
    _, labels = field
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    image = np.clip(tifffile.imread(field[0]) // 5, 0, 255)
    image = (image / 255 if top == 1 else image).astype(dtype)
    tifffile.imwrite(tmp_path / "t.tif", image)
    files = {"image": [tmp_path / "t.tif"], "labels": [labels]}
    cells, crops = build(tmp_path / "p", **files)
    assert crops.max(axis=(1, 2, 3)).min() == 1
    assert cells["low"].nunique() > 1
    cells, crops = build(tmp_path / "d", **files, normalisation="dataset")
    assert cells["low"].unique() == image.min()
    assert cells["high"].unique() == pytest.approx(np.percentile(image, 99.5))
    cells, crops = build(tmp_path / "n", **files, normalisation="none")
    assert cells["high"].unique() == top
    assert crops[5, 0, 32, 32] == pytest.approx(cells["low"][5] + image.max() / top, rel=0.8)


def test_within_an_image_brightness_is_kept_and_between_images_removed(tmp_path):
    """One field, imaged twice as long in the second file; its third cell is twice as bright."""
    labels = np.zeros((200, 200), dtype=np.uint8)
    for number, (y, x) in enumerate([(50, 50), (50, 140), (140, 50), (140, 140)], start=1):
        labels[y - 6 : y + 7, x - 10 : x + 11] = number
    bright = np.array([0, 100, 100, 200, 100])[labels] + 20
    files = {"image": [], "labels": []}
    for name, exposure in (("a", 1), ("b", 2)):
        files["image"].append(tmp_path / f"{name}.tif")
        files["labels"].append(tmp_path / f"{name}l.tif")
        tifffile.imwrite(files["image"][-1], (exposure * bright).astype(np.uint16))
        tifffile.imwrite(files["labels"][-1], labels)
    cells, crops = build(tmp_path / "i", **files, normalisation="image", group_by="tile")
    assert cells["low"].tolist() == [20] * 4 + [40] * 4
    assert cells["high"].tolist() == [220] * 4 + [440] * 4
    middle = crops[:, 0, 30:34, 30:34].astype(float).mean(axis=(1, 2))
    assert middle == pytest.approx([0.5, 0.5, 1, 0.5] * 2, abs=0.01)
    _, crops = build(tmp_path / "p", **files, group_by="tile")
    middle = crops[:, 0, 30:34, 30:34].astype(float).mean(axis=(1, 2))
    assert middle == pytest.approx([1] * 8, abs=0.01)


def test_few_cells_in_a_wide_image_are_not_taken_for_ground(tmp_path):
    noise = np.random.default_rng(0).integers(90, 110, (700, 700)).astype(np.uint16)
    labels = np.zeros(noise.shape, dtype=np.uint8)
    labels[20:30, 20:30], labels[50:60, 360:370], labels[660:670, 660:670] = 1, 2, 3
    noise[labels > 0] += 900
    assert np.percentile(noise, 99.9) < 110
    noise[350, 350] = 60_000  # far from all cells
    tifffile.imwrite(tmp_path / "a.tif", noise)
    tifffile.imwrite(tmp_path / "l.tif", labels)
    files = {"image": [tmp_path / "a.tif"], "labels": [tmp_path / "l.tif"]}
    cells, crops = build(tmp_path / "o", **files, normalisation="image", folds=3)
    assert 1000 < cells["high"].iloc[0] < 1010
    assert crops[:, 0, 32, 32].min() > 0.9


def test_a_movie_is_one_image(tmp_path, field):
    image, labels = (tifffile.imread(file) for file in field)
    tifffile.imwrite(tmp_path / "m.tif", np.stack([image, image // 2]), metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "l.tif", np.stack([labels] * 2), metadata={"axes": "TYX"})
    files = {"image": [tmp_path / "m.tif"], "labels": [tmp_path / "l.tif"]}
    cells, crops = build(tmp_path / "o", **files, normalisation="image")
    assert len(cells) == 32
    assert cells["low"].nunique() == cells["high"].nunique() == 1
    first, second = (crops[part, 0, 28:36, 28:36].astype(float).mean() for part in
                     (slice(16), slice(16, None)))  # fmt: skip
    assert second < 0.6 * first, "the second frame stays as dim as it is"


def test_an_image_moved_by_whole_pixels_gives_the_same_crops(tmp_path, field):
    image, labels = (tifffile.imread(file) for file in field)
    for name, pad in (("a", ((20, 60), (30, 50))), ("b", ((27, 53), (41, 39)))):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.pad(image, pad, constant_values=100))
        tifffile.imwrite(tmp_path / f"{name}l.tif", np.pad(labels, pad))
    tables = {}
    for name in "ab":
        file, mask = tmp_path / f"{name}.tif", tmp_path / f"{name}l.tif"
        tables[name] = build(tmp_path / name, image=[file], labels=[mask], window=48)
    (cells_a, crops_a), (cells_b, crops_b) = tables["a"], tables["b"]
    assert np.allclose(cells_b["y"] - cells_a["y"], 7)
    assert np.allclose(cells_b["x"] - cells_a["x"], 11)
    assert np.abs(crops_a.astype(float) - crops_b.astype(float)).max() < 0.002


def test_the_window_leaves_the_image_only_at_its_border(tmp_path, field):
    image, labels = field
    cells, crops = build(tmp_path / "o", image=[image], labels=[labels], window=50)
    near = np.minimum.reduce([cells["y"], cells["x"], 159 - cells["y"], 159 - cells["x"]])
    assert (cells["border"] == (near < 24)).all()
    assert 0 < cells["border"].sum() < 16
    # the ground goes on in the padding
    corner = crops[0, 0, :2, :2].astype(float)
    assert np.ptp(corner) == 0
    assert 0 < corner.mean() < 0.1


def test_the_window_follows_the_magnification(tmp_path, field):
    image, labels = (tifffile.imread(file) for file in field)
    tifffile.imwrite(tmp_path / "big.tif", np.kron(image, np.ones((3, 3), dtype=image.dtype)))
    tifffile.imwrite(tmp_path / "bigl.tif", np.kron(labels, np.ones((3, 3), dtype=labels.dtype)))
    files = [field[0], tmp_path / "big.tif"], [field[1], tmp_path / "bigl.tif"]
    cells, crops = build(tmp_path / "o", image=files[0], labels=files[1], group_by="tile")
    assert cells["image"].tolist() == ["image.tif"] * 16 + ["big.tif"] * 16
    assert np.allclose(cells["scale"][16:], 3 * cells["scale"][0])
    assert np.abs(crops[:16].astype(float) - crops[16:].astype(float)).mean() < 0.03


def test_time_and_channels(tmp_path):
    frames = [make_field(seed) for seed in range(3)]
    image = np.stack([[picture, picture.max() - picture] for picture, _ in frames])
    labels = np.stack([mask for _, mask in frames]).astype(np.uint32)
    labels[1] = 0
    labels[labels > 0] += 2**24
    tifffile.imwrite(tmp_path / "i.tif", image, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "l.tif", labels)
    cells, crops = build(tmp_path / "o", image=[tmp_path / "i.tif"], labels=[tmp_path / "l.tif"])
    assert crops.shape == (32, 2, 64, 64)
    assert cells["frame"].tolist() == [0] * 16 + [2] * 16
    assert cells["label"].tolist() == list(range(2**24 + 1, 2**24 + 17)) * 2
    assert {"low1", "high1"} < set(cells.columns)
    # the second channel is the negative of the first
    assert crops[20, 0, 32, 32] > 0.8
    assert crops[20, 1, 32, 32] < 0.2


def test_classes_from_a_table(tmp_path, field):
    files = {"image": [field[0]], "labels": [field[1]]}
    csv = tmp_path / "classes.csv"
    csv.write_text("label,class,area\n3,mitosis,10\n5,interphase,20\n")
    cells, _ = build(tmp_path / "o", **files, classes=csv)
    named = cells.set_index("label")["class"].dropna()
    assert named.to_dict() == {3: "mitosis", 5: "interphase"}
    csv.write_text("image,frame,label,class\nimage,0,3,mitosis\n")
    assert build(tmp_path / "o", **files, classes=csv)[0]["class"].notna().sum() == 1
    for text, sentence in {
        "label,class\n99,mitosis\n": "list cell 99 of frame 0 of image.tif, which is in none",
        "label,class\n3,a\n3,b\n": "list cell 3 of frame 0 of image.tif twice",
        "label,kind\n3,a\n": "lack the column 'class'",
        "label,class\nthree,a\n": "label 'three', which is no integer",
        "label,class\n3.7,a\n": "label '3.7', which is no integer",
        "label,class\n,a\n": "label '', which is no integer",
        f"label,class\n{2**63},a\n": f"label '{2**63}', which is no integer",
        "frame,label,class\n0.5,3,a\n": "frame '0.5', which is no integer",
    }.items():
        csv.write_text(text)
        with pytest.raises(UserError, match=sentence):
            build(tmp_path / "o", **files, classes=csv)


def test_only_an_empty_field_is_no_class(tmp_path, field):
    csv = tmp_path / "classes.csv"
    csv.write_text("label,class\n1,NA\n2,None\n3.0,null\n4,\n5\n")
    cells, _ = build(tmp_path / "o", image=[field[0]], labels=[field[1]], classes=csv)
    assert cells["class"][:3].tolist() == ["NA", "None", "null"]
    assert cells["class"][3:].isna().all()


def test_yes_or_no_images(tmp_path, field):
    tifffile.imwrite(tmp_path / "b.tif", tifffile.imread(field[1]) > 0)
    files = {"image": [tmp_path / "b.tif"], "labels": [field[1]]}
    cells, crops = build(tmp_path / "o", **files, normalisation="dataset")
    assert (cells["low"][0], cells["high"][0]) == (0, 1)
    assert crops[5, 0, 32, 32] == 1


@pytest.mark.parametrize("orientation", ["imaged", "principal axis"])
def test_a_folder_of_crops(tmp_path, make_crop_folder, orientation):
    folder = make_crop_folder()
    cells, crops = build(tmp_path / "o", folder=folder, pattern=PATTERN, orientation=orientation)
    assert crops.shape == (20, 1, 64, 64)
    assert cells["class"].tolist() == ["long"] * 10 + ["round"] * 10
    assert cells["image"][3] == "long/t003_m3.tif"
    assert cells["frame"].tolist() == [*range(10), *range(10)]
    assert cells["group"].unique().tolist() == ["m0", "m1", "m2", "m3", "m4"]
    assert (cells["scale"] == 0.5).all()
    assert (cells[["y", "x"]] == 15.5).all(axis=None)
    assert not cells["border"].any()
    assert (cells.groupby("group")["split"].nunique() == 1).all()
    assert set(cells["split"]) == {"train", "validation", "test"}
    tilts = [abs(np.sin(mask_moments(central_mask(crop[0])).angle[0])) for crop in crops[:10]]
    assert max(tilts) < 0.1 if orientation == "principal axis" else max(tilts) > 0.8


def test_crops_of_the_right_size_are_not_interpolated(tmp_path, make_crop_folder):
    folder = make_crop_folder(size=64)
    cells, crops = build(tmp_path / "o", folder=folder, pattern=PATTERN)
    picture = tifffile.imread(folder / cells["image"][7]).astype(float)
    low, high = picture.min(), np.percentile(picture, 99.5)
    assert (cells["low"][7], cells["high"][7]) == pytest.approx((low, high))
    assert np.allclose(crops[7, 0], np.clip((picture - low) / (high - low), 0, 1), atol=1e-3)


def test_a_folder_of_crops_has_no_images_to_normalise_by(tmp_path, make_crop_folder):
    with pytest.raises(UserError, match="do not say which image they are from"):
        build(tmp_path / "o", folder=make_crop_folder(), normalisation="image")


def test_axes_of_crops(tmp_path, make_crop_folder):
    folder = make_crop_folder()
    for file in folder.glob("*/*.tif"):
        picture = tifffile.imread(file)
        tifffile.imwrite(
            file, np.stack([picture, 255 - picture]), imagej=True, metadata={"axes": "ZYX"}
        )
    with pytest.raises(UserError, match="or set 'axes' if its Z"):
        build(tmp_path / "o", folder=folder, pattern=PATTERN)
    _, crops = build(tmp_path / "o", folder=folder, pattern=PATTERN, axes="CYX")
    assert crops.shape == (20, 2, 64, 64)
    assert crops[0, 0, 32, 32] > 0.8
    assert crops[0, 1, 32, 32] < 0.2


def test_black_margins_of_crops_are_padding(tmp_path, make_crop_folder):
    folder = make_crop_folder()
    file = folder / "long" / "t002_m2.tif"
    picture = tifffile.imread(file)
    picture[:, :4] = 0
    tifffile.imwrite(file, picture)
    cells, crops = build(tmp_path / "o", folder=folder, pattern=PATTERN)
    assert np.flatnonzero(cells["border"]).tolist() == [2]
    assert cells["low"][2] == pytest.approx(picture[:, 4:].min(), abs=2)
    assert 0 < crops[2, 0, :, :7].min() < 0.1


def test_position_from_the_name(tmp_path, make_crop_folder):
    pattern = r"t(?P<y>\d+)_(?P<movie>m\d+)"
    cells, _ = build(tmp_path / "o", folder=make_crop_folder(), pattern=pattern)
    assert cells["y"].tolist() == [*range(10), *range(10)]
    assert (cells["x"] == 15.5).all()


def remove(folder, *classes):
    for name in classes:
        for file in (folder / name).iterdir():
            file.unlink()


def test_folders_that_cannot_be_used(tmp_path, make_crop_folder):
    folder = make_crop_folder()

    def fails(sentence, **settings):
        with pytest.raises(UserError, match=sentence):
            build(tmp_path / "o", **{"folder": folder, "pattern": PATTERN, **settings})

    fails("does not exist", folder=tmp_path / "absent")
    fails(r"'t000_m0.tif' does not match the pattern '\(\?P<movie>x\)'", pattern="(?P<movie>x)")
    fails("not a regular expression", pattern="(?P<movie>")
    fails("needs a pattern with a named group", pattern=r"t(?P<frame>\d+)", group_by="movie")
    fails("not a number", pattern=r"(?P<frame>m\d+)")
    fails("There are 5 groups of cells .* fewer than the 6 folds", folds=6)
    fails("leave 'window' empty", window=50)
    fails("No class has more than 10 cells, fewer than the 12 folds", pattern=None, folds=12)
    file = folder / "long" / "t001_m1.tif"
    good = file.read_bytes()
    tifffile.imwrite(file, np.full((32, 32), 7, dtype=np.uint8))
    fails("t001_m1.tif is a single grey value")
    tifffile.imwrite(file, np.zeros((32, 32), dtype=np.uint16))
    fails("save all crops alike")
    file.write_bytes(good[:500])
    fails("t001_m1.tif cannot be read")
    remove(folder, "long")
    fails("in one sub-folder only, 'round'")
    remove(folder, "round")
    fails("has no sub-folder with crops")


def test_fields_that_cannot_be_used(tmp_path, field):
    image, labels = field
    other = tmp_path / "other.tif"

    def fails(sentence, **settings):
        with pytest.raises(UserError, match=sentence):
            build(tmp_path / "o", **{"image": [image], "labels": [labels], **settings})

    def write(array):
        tifffile.imwrite(other, array)
        return [other]

    mask = tifffile.imread(labels)
    fails("differ in shape", labels=write(mask[:, :-1]))
    fails("hold no cell", labels=write(mask * 0))
    fails("negative", labels=write(-mask))
    fails("single grey value", image=write(np.full(mask.shape, 3, dtype=np.uint8)))
    fails("not numbers", image=write(np.where(mask == 3, np.nan, 1.0)))
    fails(
        "from 0 to 16 .* 'dataset' or 'percentile'", image=write(mask * 1.0), normalisation="none"
    )
    below = write((mask * 2000 - 1000).astype(np.int16))
    fails("from -0.0305 to 0.946", image=below, normalisation="none")
    speck = np.zeros(mask.shape, dtype=np.uint8)
    speck[80, 80] = 200
    fails("pixels of channel 0 have the same grey", image=write(speck), normalisation="image")
    fails("miss an image of 160 × 160 pixels; lower 'window'", window=5000, size=16)
    fails(f"go up to {2**63}", labels=write(np.where(mask == 7, 2**63, mask.astype(np.uint64))))
    fails("There are 1 groups", labels=write(np.where(mask == 1, mask, 0)))
    fails("each image needs its labels", labels=[])
    fails("either a folder", folder=tmp_path)
    fails("listed twice", image=[image, image], labels=[labels, labels])
    fails("save all images alike", image=[image, *write(mask)], labels=[labels, labels])


def test_a_window_of_one_grey_value_is_black(tmp_path, field):
    image, labels = tifffile.imread(field[0]), tifffile.imread(field[1])
    image[60:140, 60:140] = 55
    tifffile.imwrite(tmp_path / "flat.tif", image)
    files = {"image": [tmp_path / "flat.tif"], "labels": [field[1]]}
    cells, crops = build(tmp_path / "o", **files, window=20)
    flat = cells.index[cells["label"] == labels[100, 100]][0]
    assert cells["low"][flat] == pytest.approx(55)
    assert cells["high"][flat] == pytest.approx(55)
    assert crops[flat].max() == 0


def test_a_table_that_is_none(tmp_path, field):
    cells, _ = build(tmp_path / "o", image=[field[0]], labels=[field[1]])
    file = tmp_path / "o" / "cells.parquet"
    for table, sentence in {
        "column": (cells.drop(columns="angle"), "lacks the column 'angle'"),
        "key": (pd.concat([cells, cells[:1]]), "lists cell 1 of frame 0 of image.tif more"),
        "type": (cells.assign(label=cells["label"] + 0.5), "of type float64 instead of int64"),
        "split": (cells.assign(split="training"), "a split that is none of"),
        "leak": (cells.assign(group="one"), "in several splits"),
    }.values():
        table.to_parquet(file)
        with pytest.raises(UserError, match=sentence):
            read_cells(file)
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match="cannot be read"):
        read_cells(file)
    file.unlink()
    with pytest.raises(UserError, match="is missing"):
        read_cells(file)
    assert KEY == ["image", "frame", "label"]
