// SPDX-License-Identifier: MIT
// heat.js - all latencies over time, a panel a variant: the darker, the more replies.

// heat is {rows: how many a decade, columns: [[first row, counts...] or null]}, a column a slot.
function cells(heat, slot, most) {
  return (chart) => {
    const { ctx, bbox } = chart;
    const at = (row) => chart.valToPos(10 ** (row / heat.rows), 'y', true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour('heat');
    heat.columns.forEach((column, index) => {
      if (!column) return;
      const left = chart.valToPos(index * slot, 'x', true);
      const right = chart.valToPos((index + 1) * slot, 'x', true);
      const [first, ...counts] = column;
      counts.forEach((count, place) => {
        if (count === 0) return;
        const top = at(first + place + 1);
        ctx.globalAlpha = 0.12 + 0.88 * Math.sqrt(count / most);
        ctx.fillRect(left, top, Math.ceil(right - left), Math.ceil(at(first + place) - top));
      });
    });
    ctx.restore();
  };
}

plots.push({
  name: 'heat',
  title: 'All latencies over time',
  group: 'time',
  wide: true,
  caption: (data, view) =>
    `A cell: the good replies of ${figures.ms(view.slotSeconds() * 1000)} that took so long, in the median round; ` +
    'the stronger, the more. What a percentile hides, such as two speeds at once, shows here.',
  panels(data, view) {
    const found = view.variants().map((variant) => [variant, view.step(view.typical(variant))])
      .filter(([, step]) => step?.heat);
    const columns = found.flatMap(([, step]) => step.heat.columns.filter(Boolean));
    if (columns.length === 0) return [];
    const most = columns.reduce((so, column) => Math.max(so, ...column.slice(1)), 1);
    const rows = found[0][1].heat.rows;
    const low = Math.min(...columns.map((column) => column[0]));
    const high = Math.max(...columns.map((column) => column[0] + column.length - 1));
    return found.map(([variant, step]) => ({
      title: data.variants[variant].name,
      ...timeAxes(view, figures.ms, true),
      y: { format: figures.ms, log: true, from: 10 ** (low / rows), to: 10 ** (high / rows) },
      series: [{
        label: data.variants[variant].name, note: 'P99', look: view.look(variant), strong: true, x: view.slotTimes(step), y: step.p99,
        line: false, points: false,
      }],
      variant,
      front: [cells(step.heat, step.slot, most)],
      height: 170,
    }));
  },
});
