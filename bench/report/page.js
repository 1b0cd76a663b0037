/* global uPlot, figures */
/** Draws each figure's rounds, the vault's and the limit's; anew when the colours or the width change. */
const HEIGHT = 190;
let drawn = [];

const short = (value) =>
  value >= 10_000 ? `${Math.round(value / 1000)}k` : String(Number(value.toPrecision(3)));

function draw() {
  for (const chart of drawn) chart.destroy();
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const grid = { stroke: colour('line'), width: 1 };
  const axis = { stroke: colour('quiet'), grid, ticks: grid };
  const series = (label, name) => ({
    label,
    stroke: colour(name),
    width: 2,
    points: { show: true, size: 7, fill: colour(name), stroke: colour(name) },
    value: (_chart, value) => (value == null ? '' : short(value)),
  });
  drawn = [...document.querySelectorAll('.chart')].map((place) => {
    const { vault, limit } = figures[Number(place.dataset.figure)];
    const rounds = vault.map((_value, index) => index + 1);
    const highest = Math.max(...vault, ...limit);
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      scales: {
        x: { time: false, range: [0.8, rounds.length + 0.2] },
        y: { range: [0, highest * 1.1] },
      },
      axes: [
        { ...axis, splits: () => rounds, values: (_chart, splits) => splits.map(String) },
        { ...axis, size: 56, values: (_chart, splits) => splits.map(short) },
      ],
      series: [{ label: 'round' }, series('vault', 'vault'), series('limit', 'limit')],
    };
    return new uPlot(options, [rounds, vault, limit], place);
  });
}

draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
addEventListener('resize', draw);
