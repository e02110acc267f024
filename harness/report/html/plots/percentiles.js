// SPDX-License-Identifier: MIT
// percentiles.js - latency by percentile, the far end drawn out; objectives as lines.
plots.push({
  name: 'percentiles',
  title: 'Latency by percentile',
  caption: (data, view) =>
    'A point: this share of the good replies took at most so long, ' +
    (view.data.phases[view.phase].open ? 'counted from when the request was due.' : 'counted from the client’s turn.') +
    (view.data.phases[view.phase].search ? ' Of the stretch of load that decided on the knee.' : '') +
    (view.limits().length > 0 ? ' Dashed: what is expected.' : ''),
  panels(data, view) {
    const series = view.series((step) => ({ x: data.grid, y: step.latency }));
    return [percentilePanel(data, series, {
      behind: view.limits().map((limit) => levelLine(limit.ms, limit.text, undefined, undefined)),
    })];
  },
});
