"""Names and numbers where there is little room."""

from napari_parsimony.figures.text import file_name, numbers, shortened


def test_a_long_file_name_keeps_both_ends():
    assert file_name("folder/field.tif", 30) == "field.tif"
    for length in (9, 10, 30):
        name = file_name("a/" + "movie7" + "-" * 50 + "t12.tif", length)
        assert len(name) == length
        assert name.startswith("movi")
        assert name.endswith(".tif")


def test_short_texts_and_numbers_stay():
    assert shortened("metaphase", 9) == "metaphase"
    assert shortened("metaphase", 8) == "metapha…"
    assert numbers([-1.25, 0, 2]) == ["−1.2", "0", "2.0"]
