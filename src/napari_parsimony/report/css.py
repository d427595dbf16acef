"""The look of the page: on a screen, on a phone, on paper."""

STYLE = """
:root { --ink: #222; --quiet: #666; --line: #ddd; --tint: #f5f5f5; --accent: #009e73; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 54rem; color: var(--ink);
  background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
p { margin: .6rem 0; max-width: 46rem; overflow-wrap: anywhere; }
header > p:first-of-type { font-size: 1.1rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-top: 1rem; font-size: .9rem; }
a { color: #0062a3; }
.notes { margin: 1rem 0; padding: .6rem 1rem .6rem 2rem; background: #fff8e6;
  border-left: 4px solid #e69f00; overflow-wrap: anywhere; }
.notes li { margin: .25rem 0; }
figure { margin: 1rem 0; overflow-x: auto; }
figure img { max-width: max(100%, 26rem); height: auto; display: block; }
figcaption { margin-top: .4rem; color: var(--quiet); font-size: .9rem; max-width: 46rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0;
  border-bottom: 1px solid var(--line); }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
tbody th { font-weight: 600; white-space: nowrap; }
td small { color: var(--quiet); white-space: nowrap; }
tr.chosen > * { background: #e6f5f0; }
tr.chosen th::after { content: " ← chosen"; color: #00704f; font-weight: 400; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .9em; }
pre { background: var(--tint); padding: .6rem .8rem; margin: .3rem 0 .8rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
details { margin: .5rem 0; }
summary { cursor: pointer; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .85rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  h2, h3 { break-after: avoid; }
  figure, tr, .wide, .notes { break-inside: avoid; }
  .wide, figure { overflow: visible; }
  figure img { max-width: 100%; }
  table { font-size: 8.5pt; }
}
"""
