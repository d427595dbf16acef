import pytest

from napari_parsimony.artefact import replace_file
from napari_parsimony.errors import UserError


def test_a_file_where_a_folder_is_needed_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Could not write .*names\.json: Not a directory"):
        replace_file(tmp_path / "file" / "deeper" / "names.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_was_there_stays_when_writing_fails(tmp_path):
    (tmp_path / "names.json").mkdir()
    with pytest.raises(UserError, match="Nothing was changed"):
        replace_file(tmp_path / "names.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["names.json"]
