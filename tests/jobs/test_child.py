import numpy as np
import pytest

from napari_parsimony.errors import UserError
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.symbolic.engines.base import Problem
from napari_parsimony.symbolic.engines.child import run_child


def test_python_files_beside_the_data_are_not_run(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('code among the data was run')")
    monkeypatch.chdir(tmp_path)
    problem = Problem(np.zeros((3, 1)), ("z0",), np.zeros(3), EquationsConfig())
    with pytest.raises(UserError, match="There is no engine 'nameless'"):
        run_child("nameless", problem, lambda event: None)
