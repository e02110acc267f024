// SPDX-License-Identifier: MIT
// gauges.js - what was sampled: a pool's connections in use, idle and waited for, say; a panel each.
plots.push({
  name: 'gauges',
  title: 'Sampled while it ran',
  group: 'time',
  wide: true,
  caption: (data, view) => view.point('gauges'),
  panels: (data, view) => data.gauges.map((gauge) => ({
    title: gauge.name.replaceAll('_', ' '),
    ...timeAxes(view, figures[gauge.unit]),
    series: view.series((step) => {
      const sampled = step.gauges?.[gauge.name];
      return sampled
        ? { x: sampled.values.map((_, index) => sampled.from + index * sampled.every), y: sampled.values }
        : null;
    }, { step: true }),
    height: 170,
  })),
});
