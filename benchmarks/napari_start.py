"""What the plugin costs napari's start, and how long the first dock takes to open.

    python benchmarks/napari_start.py [STARTS]

Starts napari in processes of their own, alternately with the plugin and with it disabled (so that
both meet the same machine), and prints medians and their ratio. Without a display, run it under
``xvfb-run -a``.
"""

import statistics
import subprocess
import sys

START = """
import time
begin = time.perf_counter()
import napari, npe2
if {disabled}:
    npe2.PluginManager.instance().disable("napari-parsimony")
viewer = napari.Viewer()
from qtpy.QtWidgets import QApplication
QApplication.processEvents()
print("start", time.perf_counter() - begin)
import sys
assert "torch" not in sys.modules, "torch was imported at the start"
if not {disabled}:
    begin = time.perf_counter()
    viewer.window.add_plugin_dock_widget("napari-parsimony", "Latent explorer")
    QApplication.processEvents()
    print("dock", time.perf_counter() - begin)
    assert "torch" not in sys.modules, "torch was imported by an empty dock"
viewer.close()
"""


def start(disabled: bool) -> dict[str, float]:
    """Seconds of a start in a fresh process, and of the first dock."""
    code = START.format(disabled=disabled)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(done.stderr)
    pairs = (line.split() for line in done.stdout.splitlines() if line.startswith(("st", "do")))
    return {name: float(seconds) for name, seconds in pairs}


def main() -> None:
    """Measure and print."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    start(False), start(True)  # files into the system's cache
    with_plugin, without, dock = [], [], []
    for _ in range(starts):
        measured = start(False)
        with_plugin.append(measured["start"])
        dock.append(measured["dock"])
        without.append(start(True)["start"])
    a, b = statistics.median(with_plugin), statistics.median(without)
    print(f"napari starts in {a:.2f} s with the plugin, {b:.2f} s without: {a / b:.3f} (<= 1.02)")
    print(f"first dock opens in {statistics.median(dock):.2f} s (<= 1 s)")


if __name__ == "__main__":
    main()
