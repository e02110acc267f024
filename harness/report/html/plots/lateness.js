// SPDX-License-Identifier: MIT
// lateness.js - how late the generator was: whether to believe the rest.
plots.push({
  name: 'lateness',
  title: 'Lateness of the generator',
  caption: (data, view) => `${view.point('lateness')} Latencies cannot be believed more exactly than this.`,
  panels: (data, view) => [percentilePanel(data, view.series((step) => ({ x: data.grid, y: step.lateness })))],
});
