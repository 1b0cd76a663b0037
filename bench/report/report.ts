import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { isMoreBetter, median, ratioOf, shown } from '../figures.js';
import type { Figure } from '../figures.js';

const own = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const { resolve } = createRequire(import.meta.url);
const ofUplot = (name: string): string =>
  readFileSync(join(dirname(resolve('uplot')), name), 'utf8');

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`);

/** Text that may stand inside a script element. */
const asScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

function row(figure: Figure): string {
  const { name, unit, vault, limit, against, note } = figure;
  const range = `${shown(Math.min(...vault))} to ${shown(Math.max(...vault))}`;
  return `<tr><th scope="row">${escaped(name)}</th>
    <td class="number">${shown(median(vault))} ${escaped(unit)}</td>
    <td class="number quiet">${vault.length > 1 ? range : ''}</td>
    <td class="number">${shown(median(limit))} ${escaped(unit)}</td>
    <td class="number strong">${ratioOf(figure).toFixed(2)}</td>
    <td>${escaped(against)}${note ? `<br /><span class="quiet">${escaped(note)}</span>` : ''}</td></tr>`;
}

function card(figure: Figure, index: number): string {
  const { name, unit, against } = figure;
  const better = isMoreBetter(figure) ? 'more is better' : 'less is better';
  return `<figure>
    <figcaption><strong>${escaped(name)}</strong>, ${escaped(unit)}; ${better}
      <br /><span class="quiet">beside: ${escaped(against)}</span></figcaption>
    <div class="chart" data-figure="${String(index)}"></div>
  </figure>`;
}

/** A page of its own that needs nothing else: the table, and each figure's rounds beside its limit's. */
export function report(figures: readonly Figure[], at = new Date()): string {
  const [cpu] = cpus();
  const machine = `${String(cpus().length)} cores (${cpu?.model.trim() ?? 'unknown'}), Node.js ${process.version}`;
  const charts = figures.flatMap((figure, index) =>
    figure.vault.length > 1 ? [card(figure, index)] : [],
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<title>Benchmark of stitch-token-vault</title>
<style>${ofUplot('uPlot.min.css')}${own('page.css')}</style>
</head>
<body>
<header>
<h1>Benchmark of stitch-token-vault</h1>
<p>${at.toISOString()}, ${escaped(machine)}. Each figure stands beside a limit that was measured in the
same run, in alternating rounds: medians, and the lowest and highest of the vault's rounds. What each
means is in docs/performance.md.</p>
</header>
<main>
<div class="scroll" tabindex="0" role="region" aria-label="Figures">
<table>
<thead><tr><th scope="col">figure</th><th scope="col" class="number">vault</th><th scope="col" class="number">rounds</th>
<th scope="col" class="number">limit</th><th scope="col" class="number">ratio</th><th scope="col">limit is</th></tr></thead>
<tbody>${figures.map(row).join('\n')}</tbody>
</table>
</div>
<h2>By round</h2>
<div class="cards">${charts.join('\n')}</div>
</main>
<script>${ofUplot('uPlot.iife.min.js')}</script>
<script>const figures = ${asScript(figures)};
${own('page.js')}</script>
</body>
</html>
`;
}
