"""Saves what a way through the latents looks like as a movie, in a thread."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import NDArray
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_parsimony.artefact import replace_file
from napari_parsimony.figures.palette import Theme
from napari_parsimony.gui.background import Background
from napari_parsimony.gui.latex import theme_of
from napari_parsimony.gui.session import Session

if TYPE_CHECKING:
    from napari_parsimony.vae.model import Vae

FRAMES = 30
GIF, PNG = "Animated GIF (*.gif)", "Animated PNG, all colours (*.png)"


class MovieSaver:
    """Asks for a file, and writes a movie of positions there.

    Parameters
    ----------
    parent
        Above which the user is asked.
    session
        Whose decoder draws.
    say
        Told what happens: a sentence, and whether it went wrong.
    """

    def __init__(self, parent: QWidget, session: Session, say: Callable[[str, bool], None]) -> None:
        self.parent, self.session, self._say = parent, session, say
        self.background = Background(parent, torch=True)
        self.background.done.connect(lambda path: say(f"Saved {path}.", False))
        self.background.failed.connect(lambda sentence: say(sentence, True))

    def save(self, positions: NDArray, titles: list[str], name: str) -> None:
        """Write a movie of positions (N, latents), with a text under each frame."""
        asked, kind = QFileDialog.getSaveFileName(self.parent, "Save movie", name, f"{GIF};;{PNG}")
        study = self.session.study
        if not asked or study is None:
            return
        path = Path(asked)
        if path.suffix.lower() not in (".gif", ".png"):
            path = path.with_name(path.name + (".png" if kind == PNG else ".gif"))
        scores = [self.session.scores(position)["symbolic"] for position in positions]
        captions = [
            title if score is None else f"{title} · {self._said(score)}"
            for title, score in zip(titles, scores, strict=True)
        ]
        self._say("Drawing the movie…", False)
        theme = theme_of(self.session.viewer)
        self.background.start(_write, study.vae(), positions, captions, theme, path)

    def _said(self, scores: NDArray) -> str:
        name = self.session.class_of(scores)
        return f"{name} {scores[0]:+.1f}" if len(scores) == 1 else name


def _write(vae: "Vae", positions: NDArray, captions: list[str], theme: Theme, path: Path) -> Path:
    from napari_parsimony.figures.strips import movie, movie_frames
    from napari_parsimony.vae.latents import decode_latents

    frames = movie_frames(decode_latents(vae, positions), captions, theme=theme)
    replace_file(path, movie(frames, path.suffix.lower()))
    return path
