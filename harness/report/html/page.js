// SPDX-License-Identifier: MIT
// page.js - puts the plots into each scenario's section as it comes into sight, with their switches.

function toggle(label, on, act, swatch) {
  const button = element('button', {
    type: 'button', 'aria-pressed': String(on), click: () => act(button.getAttribute('aria-pressed') !== 'true'),
  }, label);
  if (swatch !== undefined) {
    const mark = element('i', { class: swatch < COLOURS ? 'swatch' : 'swatch dashed', 'data-v': swatch % COLOURS });
    button.prepend(mark);
  }
  return button;
}

// The switches of a scenario: variants, phase, rounds, the stretch of time.
function controls(view, redraw) {
  const { data } = view;
  const bar = element('div', { class: 'controls', role: 'group', 'aria-label': 'what the plots show' });
  const variants = element('div', { class: 'choice variants' });
  data.variants.forEach((variant, index) => {
    const button = toggle(variant.name, true, (on) => {
      on ? view.shown.add(index) : view.shown.delete(index);
      button.setAttribute('aria-pressed', String(on));
      redraw();
    }, view.look(index));
    if (variant.about) button.title = variant.about;
    variants.append(button);
  });
  bar.append(variants);
  const phases = data.phases.map((phase, index) => [phase, index]).filter(([phase]) => phase.plotted);
  if (phases.length > 1) {
    const select = element('select', {
      change: () => { view.phase = Number(select.value); view.range = null; view.onRange(); redraw(); },
    }, ...phases.map(([phase, index]) => element('option', { value: index, selected: index === view.phase }, phase.name)));
    bar.append(element('label', { class: 'phase' }, 'phase ', select));
  }
  if (phases.length > 0 && data.rounds.filter((round) => round.valid).length > data.variants.length) {
    const button = toggle('all rounds', view.faint, (on) => {
      view.faint = on;
      button.setAttribute('aria-pressed', String(on));
      redraw();
    });
    button.title = 'Strong: the median round of each variant. Faint: its other valid rounds.';
    bar.append(element('div', { class: 'choice rounds' }, button));
  }
  const reset = element('button', { type: 'button', class: 'reset', hidden: true, click: () => { view.range = null; view.onRange(); redraw(); } }, 'whole time');
  bar.append(reset);
  view.onRange = () => { reset.hidden = view.range === null; };
  return bar;
}

function plotHead(plot, view, redraw) {
  const head = element('div', { class: 'plot-head' }, element('h4', {}, plot.title));
  if (plot.options) {
    const choice = element('div', { class: 'choice small' });
    for (const name of Object.keys(plot.options))
      choice.append(toggle(name, view.option(plot, name), (on) => { view.choose(plot, name, on); redraw(); }));
    head.append(choice);
  }
  return head;
}

// One plot into its figure; false when there is nothing to show in this phase.
function drawPlot(plot, figure, view, charts, redraw) {
  const timeless = plot.group === 'time' && view.data.phases[view.phase].search;
  const panels = (timeless ? [] : plot.panels(view.data, view)).filter((panel) => panel.series.length > 0);
  const any = view.variants().length > 0;
  figure.replaceChildren();
  figure.hidden = panels.length === 0;
  if (!any || panels.length === 0) return [];
  const body = element('div', { class: 'panels' });
  figure.append(plotHead(plot, view, redraw), body, element('figcaption', {}, plot.caption(view.data, view)));
  return panels.map((panel) => {
    const names = panel.series.filter((one) => one.strong).map((one) => one.label);
    const host = element('div', {
      class: panel.half ? 'panel half' : 'panel', role: 'img', 'data-series': names.join('\n'),
      'aria-label': `${plot.title}${panel.title ? `, ${panel.title}` : ''}: ${[...new Set(names)].join(', ')}`,
    });
    if (panel.title) host.append(element('h5', {}, panel.title));
    body.append(host);
    return drawPanel(host, panel, view, plot.group === 'time' ? charts : null);
  });
}

// All plots of one scenario.
function start(section, index) {
  const sides = section.dataset.from.split(' ').map((id) => JSON.parse(document.getElementById(id).textContent));
  const data = sides.length > 1 ? both(...sides) : sides[0];
  const view = new View(data);
  view.key = `scenario-${index}`;
  let drawn = [];
  const figuresOf = plots.map((plot) =>
    element('figure', { class: plot.wide ? 'plot wide' : 'plot', 'data-plot': plot.name }));
  const redraw = () => {
    const height = section.offsetHeight;
    section.style.minHeight = `${height}px`; // the page does not jump meanwhile
    drawn.forEach((chart) => chart.destroy());
    const charts = [];
    figuresOf.forEach((figure, place) => figure.classList.toggle('wide', Boolean(plots[place].wide)));
    drawn = plots.flatMap((plot, place) => drawPlot(plot, figuresOf[place], view, charts, redraw));
    const halves = figuresOf.filter((figure, place) => !plots[place].wide && !figure.hidden);
    halves.forEach((figure) => figure.classList.toggle('wide', halves.length === 1));
    section.style.minHeight = '';
  };
  const bar = controls(view, redraw);
  section.replaceChildren(bar, element('div', { class: 'plot-grid' }, ...figuresOf));
  redraw();
  return redraw;
}

function setUp() {
  const sections = [...document.querySelectorAll('.plots')];
  const started = new Map();
  const begin = (section) => {
    if (!started.has(section)) started.set(section, start(section, sections.indexOf(section)));
  };
  const redrawAll = () => started.forEach((redraw) => redraw());
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) begin(entry.target);
  }, { rootMargin: '600px' });
  sections.forEach((section) => seen.observe(section));

  // Light and dark: the system's until the switch says otherwise.
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const theme = document.querySelector('.theme');
  const named = () => { theme.textContent = isDark() ? 'Light' : 'Dark'; };
  theme.hidden = false;
  theme.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; named(); redrawAll(); });
  system.addEventListener('change', () => { named(); redrawAll(); });
  named();

  let width = innerWidth, waiting;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(redrawAll, 150);
  });

  // On paper: everything, and dark on white.
  let before;
  addEventListener('beforeprint', () => {
    before = root.dataset.theme;
    root.dataset.theme = 'light';
    sections.forEach(begin);
    redrawAll();
  });
  addEventListener('afterprint', () => {
    before ? (root.dataset.theme = before) : delete root.dataset.theme;
    redrawAll();
  });
}

setUp();
