// SPDX-License-Identifier: MIT
// knee.js - what a search found: latency and what came back, rate by rate.
const sorted = (search) => [...search].sort((a, b) => a.rate - b.rate);

// A rate that was tried more than once has its last step.
function byRate(search, key) {
  const steps = new Map(sorted(search).map((one) => [one.rate, one]));
  return { x: [...steps.keys()], y: [...steps.values()].map((one) => one[key]) };
}

const SHAPE = { points: true, spanGaps: true };

plots.push({
  name: 'knee',
  title: 'Where it gives in',
  wide: true,
  caption: (data, view) => view.point('knee'),
  panels(data, view) {
    const axis = { label: 'offered, requests a second', format: figures.count, tip: figures.rate };
    const limits = view.limits().filter((limit) => limit.search);
    const diagonal = (chart) => {
      const { ctx, scales } = chart;
      const most = Math.min(scales.x.max, scales.y.max);
      ctx.strokeStyle = colour('limit');
      ctx.lineWidth = 1.25 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(chart.valToPos(scales.x.min, 'x', true), chart.valToPos(scales.x.min, 'y', true));
      ctx.lineTo(chart.valToPos(most, 'x', true), chart.valToPos(most, 'y', true));
      ctx.stroke();
      ctx.setLineDash([]);
    };
    return [
      {
        title: 'P99', x: axis, y: { format: figures.ms, log: true }, half: true,
        series: view.series((step) => (step.search ? byRate(step.search, 'p99') : null), SHAPE),
        behind: limits.map((limit) => levelLine(limit.ms, limit.text)),
      },
      {
        title: 'Achieved', x: axis, y: { format: figures.rate }, half: true,
        series: view.series((step) => (step.search ? byRate(step.search, 'achieved') : null), SHAPE),
        behind: [diagonal],
      },
    ];
  },
});
