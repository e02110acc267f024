// SPDX-License-Identifier: MIT
// base.js - what all parts of the page share: the table of plots, elements, colours, figures as text.
// The files are put into one function, in the order of meson.build; those of plots/ each in a block
// of its own.

// One plot is one file in plots/ that adds one of these:
//   name      of its element, for links and tests
//   title     over it
//   caption   (data, view) => text: what a point is
//   group     'time': zoomed in step with the others; otherwise by itself
//   wide      takes the whole width
//   options   {name: on by default}: switches of its own; view.option(plot, name) tells
//   panels    (data, view) => panels for chart.js, those of nothing to show left out
const plots = [];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Colours are the style's, so that they follow light and dark.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const COLOURS = 8;
const lookColour = (look) => colour(`v${look % COLOURS}`);
// Beyond the colours there are, the line tells variants apart.
const lookDash = (look) => [[], [7, 4], [2, 3]][Math.floor(look / COLOURS) % 3];

// Three digits that count, without zeros behind them where they would be noise.
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e15 || size < 1e-4) return value.toExponential(1);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return String(Number(value.toFixed(Math.min(decimals, 8))));
}

function scaled(value, steps) {
  const size = Math.abs(value);
  for (const [from, factor, unit] of steps) if (size >= from) return `${digits(value * factor)}${unit}`;
  return digits(value);
}

const MS = [[1000, 1e-3, ' s'], [1, 1, ' ms'], [1e-3, 1e3, ' µs'], [1e-9, 1e6, ' ns']];
const RATES = [[1e6, 1e-6, ' M/s'], [1e4, 1e-3, ' k/s'], [0, 1, ' /s']];
const BYTES = [
  [2 ** 30, 2 ** -30, ' GiB'], [2 ** 20, 2 ** -20, ' MiB'], [2 ** 10, 2 ** -10, ' KiB'], [0, 1, ' B'],
];
const COUNTS = [[1e6, 1e-6, ' M'], [1e4, 1e-3, ' k'], [0, 1, '']];

// Figures by the unit the record has them in.
const figures = {
  ms: (value) => scaled(value, MS),
  rate: (value) => scaled(value, RATES),
  seconds: (value) => `${digits(value)} s`,
  bytes: (value) => scaled(value, BYTES),
  count: (value) => scaled(value, COUNTS),
  share: (value) => `${digits(value * 100)} %`,
  number: digits,
  percentile: (x) => (x <= 1 ? 'least' : `P${Number((100 * (1 - 1 / x)).toPrecision(x < 100 ? 3 : 7))}`),
};

// Whether anything of a list is a number.
const someNumber = (values) => Boolean(values?.some((value) => value !== null));
