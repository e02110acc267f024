// SPDX-License-Identifier: MIT
// percentiles.js - latency by percentile, the far end drawn out; objectives as lines.
plots.push({
  name: 'percentiles',
  title: 'Latency by percentile',
  caption: (data, view) =>
    view.point(view.data.phases[view.phase].open ? 'percentiles-open' : 'percentiles-closed') +
    (view.data.phases[view.phase].search ? ' Of the stretch of load that decided on the knee.' : '') +
    (view.limits().length > 0 ? ' Dashed: what is expected.' : ''),
  panels(data, view) {
    const series = view.series((step) => ({ x: data.grid, y: step.latency }));
    return [percentilePanel(data, series, {
      behind: view.limits().map((limit) => levelLine(limit.ms, limit.text, undefined, undefined)),
    })];
  },
});
