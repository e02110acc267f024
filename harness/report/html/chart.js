// SPDX-License-Identifier: MIT
// chart.js - draws a panel with uPlot: lines of variants, and what is marked behind them.
//
// A panel is
//   title     over it, or none
//   x         {label, format, log?, ticks?, from?, to?}
//   y         {format, log?, from?, to?}
//   series    [{label, look, strong, x, y, dash?, points?, line?, step?, note?}]
//   behind    [(chart) => void] drawn before the lines; front: after them
//   variant   the only one it is about; else all
//   height    in px

// The tables of all series on one x.
function joined(panel) {
  const tables = panel.series.map((one) => [one.x, one.y]);
  const edges = [panel.x.from, panel.x.to].filter((edge) => edge !== undefined);
  if (edges.length > 0) tables.push([edges, edges.map(() => null)]);
  const data = uPlot.join(tables, tables.map(() => [1]));
  if (edges.length > 0) data.pop();
  return data;
}

function withAlpha(hex, alpha) {
  const value = parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
}

// A value alone between gaps has no line: it is drawn as a point.
function lonePoints(chart, index) {
  const values = chart.data[index];
  const lone = [];
  let before = null, place = -1, alone = false; // of the value last seen; undefined is none of the series'
  values.forEach((value, at) => {
    if (value === undefined) return;
    if (value === null && place >= 0 && alone) lone.push(place);
    alone = value !== null && before === null;
    place = value === null ? -1 : at;
    before = value;
  });
  if (place >= 0 && alone) lone.push(place);
  return lone;
}

function seriesOf(one) {
  const plain = lookColour(one.look);
  const stroke = one.strong ? plain : withAlpha(plain, 0.22);
  const paths = one.step ? uPlot.paths.stepped({ align: 1 }) : one.line === false ? () => null : undefined;
  return {
    label: one.label,
    stroke,
    width: one.strong ? (one.width ?? 1.75) : 1,
    dash: one.dash ?? lookDash(one.look),
    spanGaps: one.spanGaps ?? false,
    paths,
    points: {
      show: one.points ?? false,
      filter: one.points === undefined && one.strong ? (chart, index) => lonePoints(chart, index) : null,
      size: one.points ? (one.strong ? 7 : 5) : 4,
      fill: one.hollow ? colour('page') : stroke,
      stroke,
      width: 1.5,
    },
  };
}

function axisStyle(grid) {
  return {
    stroke: colour('quiet'),
    font: `12px ${colour('font')}`,
    labelFont: `12px ${colour('font')}`,
    grid: { show: grid, stroke: colour('rule'), width: 1 },
    ticks: { show: false },
  };
}

// Four or so round numbers.
function evenTicks(from, to) {
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((part) => part * power >= rough) * power;
  const ticks = [];
  for (let tick = Math.ceil(from / step); tick * step <= to; tick++) ticks.push(tick * step);
  return ticks;
}

// On a logarithmic axis: the decades, and where there are few, 2 and 5 in between, or what is round.
function logTicks(from, to) {
  if (to / from < 8) return evenTicks(from, to);
  const ticks = [];
  const few = Math.log10(to / from) < 2.5;
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++)
    for (const part of few ? [1, 2, 5] : [1]) {
      const tick = Number(`${part}e${power}`);
      if (tick >= from * 0.999 && tick <= to * 1.001) ticks.push(tick);
    }
  return ticks;
}

// Whole decades make much of little; a logarithmic axis goes a little beyond its data.
function logRange(low, high) {
  if (!(low > 0)) return [0.1, 1];
  const ratio = Math.max(high / low, 1.5);
  const room = ratio ** 0.06;
  const middle = Math.sqrt(low * high);
  return [middle / Math.sqrt(ratio) / room, middle * Math.sqrt(ratio) * room];
}

function yScale(y) {
  if (y.log)
    return {
      distr: 3,
      range: (_, low, high) =>
        y.from !== undefined ? [y.from, y.to] : low === null ? [0.1, 1] : logRange(low, high),
    };
  return {
    range: (_, low, high) => {
      if (low === null) return [0, 1];
      const top = Math.max(high, y.to ?? -Infinity);
      const bottom = Math.min(low, y.from ?? 0);
      const room = (top - bottom || 1) * 0.08;
      return [bottom === 0 ? 0 : bottom - room, top + room];
    },
  };
}

function axes(panel) {
  const { x, y } = panel;
  return [
    {
      ...axisStyle(true),
      label: x.label,
      labelSize: 20,
      labelGap: 0,
      size: 26,
      gap: 6,
      splits: x.ticks ? () => x.ticks : x.log ? (_, __, from, to) => logTicks(from, to) : undefined,
      values: (_, ticks) => ticks.map((tick) => (tick === null ? null : x.format(tick))),
      filter: (_, ticks) => ticks,
    },
    {
      ...axisStyle(true),
      size: 66,
      gap: 8,
      space: 34,
      splits: y.log ? (_, __, from, to) => logTicks(from, to) : undefined,
      values: (_, ticks) => ticks.map((tick) => (tick === null ? null : y.format(tick))),
      filter: (_, ticks) => ticks,
    },
  ];
}

// What stands under the pointer, as text beside it.
function tip(host, panel) {
  const box = element('div', { class: 'tip', hidden: true });
  host.append(box);
  let over = false;
  return {
    ready(chart) {
      chart.over.addEventListener('pointerenter', () => { over = true; });
      chart.over.addEventListener('pointerleave', () => { over = false; box.hidden = true; });
    },
    setCursor(chart) {
      const { idx, left, top } = chart.cursor;
      const rows = [];
      if (over && idx !== null && idx !== undefined)
        panel.series.forEach((one, index) => {
          const value = chart.data[index + 1][idx];
          if (value === null || value === undefined || (!one.strong && !one.points)) return;
          const swatch = element('i', {});
          swatch.style.background = lookColour(one.look);
          rows.push(element('div', {}, swatch, element('span', {}, one.note ? `${one.label} ${one.note}` : one.label),
            element('b', {}, panel.y.format(value))));
        });
      box.hidden = rows.length === 0;
      if (box.hidden) return;
      box.replaceChildren(element('div', { class: 'at' }, (panel.x.tip ?? panel.x.format)(chart.data[0][idx])), ...rows);
      const area = chart.over;
      const right = left > area.clientWidth / 2;
      box.style.left = right ? '' : `${area.offsetLeft + left + 14}px`;
      box.style.right = right ? `${host.clientWidth - area.offsetLeft - left + 14}px` : '';
      box.style.top = `${area.offsetTop + Math.max(0, Math.min(top, area.clientHeight - box.offsetHeight))}px`;
    },
  };
}

// Shades when faults acted, and says which.
function shadeFaults(view, panel) {
  return (chart) => {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    const windows = view.windows(panel.variant);
    const named = new Set();
    for (const window of windows) {
      const from = Math.max(chart.valToPos(window.from, 'x', true), bbox.left);
      const to = Math.min(chart.valToPos(window.to, 'x', true), bbox.left + bbox.width);
      if (to <= from) continue;
      ctx.fillStyle = withAlpha(colour('fault'), 0.16 / windows.length + 0.02);
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      if (named.has(window.fault.name)) continue;
      named.add(window.fault.name);
      ctx.fillStyle = colour('fault-text');
      ctx.font = `${11 * ratio}px ${colour('font')}`;
      ctx.textAlign = 'left';
      ctx.textBaseline = 'top';
      ctx.fillText(window.fault.name, from + 5 * ratio, bbox.top + (4 + 14 * (named.size - 1)) * ratio);
    }
  };
}

// A mark at the top where each variant was well again.
function markRecovery(view, panel) {
  return (chart) => {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    for (const window of view.windows(panel.variant)) {
      if (window.recovered === null) continue;
      const at = chart.valToPos(window.recovered, 'x', true);
      if (at < bbox.left || at > bbox.left + bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = lookColour(window.look);
      ctx.lineWidth = ratio;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.moveTo(at - 5 * ratio, bbox.top);
      ctx.lineTo(at + 5 * ratio, bbox.top);
      ctx.lineTo(at, bbox.top + 8 * ratio);
      ctx.fill();
    }
  };
}

// A horizontal line with words, such as an objective.
function levelLine(value, text, from, to) {
  return (chart) => {
    const { ctx, bbox } = chart;
    const ratio = devicePixelRatio;
    const y = chart.valToPos(value, 'y', true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
    const left = from === undefined ? bbox.left : Math.max(bbox.left, chart.valToPos(from, 'x', true));
    const right = to === undefined ? bbox.left + bbox.width
      : Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true));
    ctx.strokeStyle = colour('limit');
    ctx.lineWidth = 1.25 * ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
    ctx.setLineDash([]);
    if (!text) return;
    ctx.fillStyle = colour('limit');
    ctx.font = `${11 * ratio}px ${colour('font')}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    ctx.fillText(text, bbox.left + 6 * ratio, y - 3 * ratio);
  };
}

// Keeps the stretch of time the same in all charts of a view.
function followRange(view, charts) {
  return (chart, key) => {
    if (key !== 'x') return;
    const { min, max } = chart.scales.x;
    if (min === null || !charts.includes(chart)) return;
    const all = min <= 1e-9 && max >= view.seconds - 1e-9;
    const [from, to] = all ? [0, view.seconds] : [min, max];
    view.range = all ? null : { min, max };
    view.onRange();
    chart.root.parentElement.dataset.from = Number(from.toFixed(6));
    chart.root.parentElement.dataset.to = Number(to.toFixed(6));
    for (const other of charts)
      if (other !== chart && (other.scales.x.min !== from || other.scales.x.max !== to))
        other.setScale('x', { min: from, max: to });
  };
}

// The axes of a panel over time: all of it, whatever the series have.
function timeAxes(view, format, log = false) {
  return {
    x: { label: 'seconds', format: digits, tip: figures.seconds, from: 0, to: view.seconds },
    y: { format, log },
  };
}

// A panel over percentiles, as 1 / (1 - p).
function percentilePanel(data, lists, more = {}) {
  const series = lists.map((one) => {
    const end = one.y.findLastIndex((value) => value !== null) + 1;
    return { ...one, x: one.x.slice(0, end), y: one.y.slice(0, end) };
  });
  const last = series.reduce((so, one) => Math.max(so, one.y.length - 1), 0);
  return {
    x: {
      label: '', log: true, from: 1, to: data.grid[last], tip: figures.percentile, format: figures.percentile,
      ticks: [2, 10, 100, 1000, 10000, 1e5, 1e6].filter((tick) => tick <= data.grid[last]),
    },
    y: { format: figures.ms, log: true },
    series,
    height: 300,
    ...more,
  };
}

const SYNC_SCALES = ['x', null];

// Draws a panel into host. charts is the list of those in step, or null where there is none.
function drawPanel(host, panel, view, charts) {
  const shown = tip(host, panel);
  const limits = panel.behind ?? [];
  const hooks = {
    ready: [shown.ready],
    setCursor: [shown.setCursor],
    drawClear: charts ? [shadeFaults(view, panel), ...limits] : limits,
    draw: [...(charts ? [markRecovery(view, panel)] : []), ...(panel.front ?? [])],
  };
  if (charts) hooks.setScale = [followRange(view, charts)];
  const chart = new uPlot({
    width: Math.max(host.clientWidth, 200),
    height: panel.height ?? 240,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, distr: panel.x.log ? 3 : 1, range: (_, low, high) => (low === null ? [1, 2] : [low, high]) },
      y: yScale(panel.y),
    },
    axes: axes(panel),
    series: [{}, ...panel.series.map(seriesOf)],
    hooks,
    cursor: {
      drag: { x: true, y: false },
      points: { size: 7 },
      sync: charts ? { key: view.key, scales: SYNC_SCALES } : undefined,
    },
  }, joined(panel), host);
  if (charts) {
    charts.push(chart);
    chart.setScale('x', view.range ?? { min: 0, max: view.seconds });
  }
  return chart;
}
