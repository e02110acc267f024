// SPDX-License-Identifier: MIT
// lateness.js - how late the generator was: whether to believe the rest.
plots.push({
  name: 'lateness',
  title: 'Lateness of the generator',
  caption: () =>
    'A point: this share of the requests was begun at most so long after it was due. ' +
    'Latencies cannot be believed more exactly than this.',
  panels: (data, view) => [percentilePanel(data, view.series((step) => ({ x: data.grid, y: step.lateness })))],
});
