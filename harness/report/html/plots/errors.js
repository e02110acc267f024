// SPDX-License-Identifier: MIT
// errors.js - errors over time, a panel for each kind that occurred.
plots.push({
  name: 'errors',
  title: 'Errors by kind',
  group: 'time',
  wide: true,
  caption: (data, view) => view.point('errors'),
  panels(data, view) {
    const kinds = new Set();
    view.eachRound((step, _, strong) => {
      if (strong) Object.keys(step.errors ?? {}).forEach((kind) => kinds.add(kind));
    });
    return [...kinds].map((kind) => ({
      title: kind.replaceAll('-', ' '),
      ...timeAxes(view, figures.rate),
      series: view.series((step) => (step.errors?.[kind]
        ? { x: view.slotTimes(step), y: step.errors[kind] } : null), { step: true }),
      height: 170,
    }));
  },
});
