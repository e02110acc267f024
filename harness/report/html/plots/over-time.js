// SPDX-License-Identifier: MIT
// over-time.js - goodput and latency from slot to slot, with when faults acted and what came after.
const QUANTITIES = [
  ['p50', 'P50', { dash: [2, 3], width: 1.25 }],
  ['p99', 'P99', {}],
  ['max', 'max', { line: false, points: true, dash: [] }],
];

function goodputPanel(view) {
  return {
    title: 'Goodput',
    ...timeAxes(view, figures.rate),
    series: view.series((step) => ({ x: view.slotTimes(step), y: step.goodput })),
    height: 230,
  };
}

function latencyPanel(view, plot) {
  const series = QUANTITIES.filter(([, label]) => view.option(plot, label)).flatMap(([key, label, style]) =>
    view.series((step) => (step[key] ? { x: view.slotTimes(step), y: step[key], note: label } : null), style));
  return { title: 'Latency', ...timeAxes(view, figures.ms, true), series, height: 250 };
}

plots.push({
  name: 'over-time',
  title: 'Goodput and latency over time',
  group: 'time',
  wide: true,
  options: { P50: false, P99: true, max: false },
  caption: (data, view) =>
    view.point('over-time') +
    ' (P50 dotted, P99 solid, the longest as dots).' +
    (view.windows().length === 0 ? '' :
      ' Shaded: when a fault really acted. A triangle: from there on the variant was well again' +
      `${view.stuck().length > 0 ? `; ${view.stuck().join(' and ')} did not come back while it was watched` : ''}.`),
  panels(data, view) {
    return [goodputPanel(view), latencyPanel(view, this)];
  },
});
