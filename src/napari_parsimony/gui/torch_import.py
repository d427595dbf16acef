"""Torch, imported in a thread without holding up Qt's.

Importing takes more than a second, a quarter of which the dynamic loader needs for the libraries
while Python's lock is held: no other thread runs meanwhile. A thread that has them loaded by
calling the loader as a foreign function does not hold the lock. As much time again goes into
garbage collections of all that is in memory, which hold it too: there is little garbage from
importing, and they can wait until it is over.
"""

import ctypes
import gc
import sys
from importlib.util import find_spec
from pathlib import Path

LIBRARY = {"darwin": "libtorch_cpu.dylib", "linux": "libtorch.so"}
"""What torch itself would have loaded, with all that it needs; on Windows, torch does as here."""

_NEEDED = "napari_parsimony.vae.latents"  # with torch, once it is there
_begun = _done = False


def torch_is_imported() -> bool:
    """Whether what needs torch can be called without waiting for its import."""
    return _done or (not _begun and _NEEDED in sys.modules)


def import_torch() -> None:
    """Import torch; call it in a thread, before anything there does what needs torch."""
    global _begun, _done
    _begun = True
    if "torch" not in sys.modules:
        _load_libraries()
    collects = gc.isenabled()
    gc.disable()
    try:
        import napari_parsimony.classify.classifier
        import napari_parsimony.classify.fit
        import napari_parsimony.vae.latents
        import napari_parsimony.vae.store  # noqa: F401
    finally:
        if collects:
            gc.enable()

    _done = True


def _load_libraries() -> None:
    spec, name = find_spec("torch"), LIBRARY.get(sys.platform)
    if name is None or spec is None or spec.origin is None:
        return
    load = ctypes.CDLL(None).dlopen
    load.restype = ctypes.c_void_p
    # what fails here, the import itself reports
    load(bytes(Path(spec.origin).parent / "lib" / name), 1)  # 1: RTLD_LAZY
