"""How the card looks, on a screen and on paper."""

STYLE = """
:root { --ours: #2f6fdb; --theirs: #9aa3af; --chance: #b3541e; --grid: #8883;
        --remove: #c4262e; --gate: #e07b39; --limit: #d9a900; --review: #7a4fc9; --allow: #8886; }
body { max-width: 80rem; margin-top: 1.25rem; }
header { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; align-items: center; }
header > * { margin: 0; grid-column: 1 / -1; max-width: none; }
header .facts { font-size: .9rem; opacity: .75; }
header .verdict { grid-column: 1; font-size: 1.15rem; border: 2px solid; border-radius: 2rem; padding: .15rem .9rem;
                  margin-top: .6rem; white-space: nowrap; }
header .gist { grid-column: 2; margin-top: .6rem; }
.screen { display: grid; grid-template-columns: minmax(0, 1.25fr) minmax(0, 1fr); gap: 0 2.5rem; margin-top: .5rem; }
.screen h2 { margin: 1rem 0 .6rem; font-size: 1.05rem; }
.screen ul { padding-left: 1.1rem; margin: 0; } .screen li { margin-bottom: .25rem; }
.legend { font-size: .8rem; margin: 0 0 .5rem; opacity: .85; }
.key { display: inline-block; width: 1.1rem; height: .6rem; margin: 0 .3rem 0 .6rem; border-radius: 2px; }
.key:first-child { margin-left: 0; }
.key.ours { background: var(--ours); } .key.theirs { background: var(--theirs); }
.key.whisker { height: 0; border-top: 2px solid currentColor; vertical-align: .25rem; }
.key.chance { width: 0; height: .8rem; border-left: 2px dashed var(--chance); border-radius: 0; }
.chart { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(8rem, 1fr) max-content;
         gap: .2rem .8rem; align-items: center; font-size: .88rem; line-height: 1.25; }
.chart > span { min-width: 0; overflow-wrap: anywhere; }
.value { font-variant-numeric: tabular-nums; }
.before, .unit, .unmeasured { opacity: .7; } .unit, .unmeasured { font-size: .8rem; }
.deeds { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .45rem .8rem; font-size: .88rem; }
.deeds small { display: block; line-height: 1.35; margin-top: .1rem; } .does .legend { margin: .5rem 0; }
.remove { fill: var(--remove); background: var(--remove); } .review { fill: var(--review); background: var(--review); }
.age_gate { fill: var(--gate); background: var(--gate); } .limit { fill: var(--limit); background: var(--limit); }
.allow { fill: var(--allow); background: var(--allow); }
svg.bar { display: block; overflow: visible; }
.ours { fill: var(--ours); } .theirs { fill: var(--theirs); }
.grid { stroke: var(--grid); } .whisker { stroke: currentColor; stroke-width: 1.4; }
.chance { stroke: var(--chance); stroke-width: 1.6; stroke-dasharray: 3 2; }
svg text { fill: currentColor; font-size: .72rem; opacity: .7; }
details { border-top: 1px solid var(--line); } details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .55rem 0; } summary h2 { display: inline; border: 0; font-size: 1.05rem; }
.screen + details { margin-top: 1.5rem; }
.plots { overflow-x: auto; } .plot { display: block; width: 100%; min-width: 50rem; margin-bottom: 1rem; }
.mistake { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); gap: .25rem 1.25rem; padding: .5rem 0;
           border-top: 1px solid var(--line); }
.mistake p { margin: 0; } .mistake small { display: block; opacity: .75; overflow-wrap: anywhere; }
.veil { cursor: pointer; display: flex; gap: .6rem; align-items: flex-start; }
.said { display: flex; gap: .8rem; overflow-wrap: anywhere; min-width: 0; } .said > span { min-width: 0; }
.veil input:not(:checked) ~ .said { filter: blur(7px); user-select: none; }
.veil input:focus-visible ~ .said { outline: 2px solid var(--ours); outline-offset: 3px; }
@media screen and (max-width: 56rem) { .screen { grid-template-columns: minmax(0, 1fr); } .aside { order: -1; } }
@media screen and (max-width: 40rem) {
  header .verdict, header .gist { grid-column: 1 / -1; justify-self: start; }
  .chart { grid-template-columns: minmax(0, 1fr) max-content; grid-auto-flow: dense; row-gap: .15rem; }
  .chart > span:nth-child(3n + 1) { grid-column: 1; margin-top: .45rem; font-weight: 600; }
  .chart > span:nth-child(3n + 2) { grid-column: 1 / -1; }
  .chart > span:nth-child(3n) { grid-column: 2; margin-top: .45rem; }
  .value { text-align: right; }
  .mistake { grid-template-columns: minmax(0, 1fr); }
}
@media screen and (prefers-color-scheme: dark) {
  :root { --ours: #6ea4ff; --theirs: #8b95a3; --chance: #f0a070; }
  .plot { filter: invert(.9) hue-rotate(180deg); }
}
@media print {
  @page { size: A4; margin: 12mm; }
  :root { color-scheme: light; font-size: 9.5px; }
  body { max-width: none; margin: 0; padding: 0; font-size: 10px; line-height: 1.4; }
  .screen { gap: 0 1.5rem; }
  details::details-content { content-visibility: visible; height: auto; }
  summary { list-style: none; } summary, h3 { break-after: avoid; }
  tr, .mistake, .plot, section { break-inside: avoid; }
  .plot { min-width: 0; } table { display: table; font-size: 8px; } th, td { padding: .15rem .4rem; }
  .mistake { grid-template-columns: 1fr; } .veil { display: none; }
  rect, .key { print-color-adjust: exact; }
}
"""
