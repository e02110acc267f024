// SPDX-License-Identifier: MIT
// view.js - what is shown of one scenario: which variants, which phase, which rounds, which stretch
// of time; all its plots follow.

// The data are data.c's: {name, variants, phases, main, faults, objectives, gauges, ratios, grid, points,
// typical, rounds}; a round's phases hold lists by slot or by point of the grid, null where it was not used or
// not run. Latencies are in ms, times in s.
class View {
  constructor(data) {
    this.data = data;
    this.shown = new Set(data.variants.map((_, index) => index));
    this.phase = data.main;
    this.faint = data.rounds.filter((round) => round.valid).length > data.variants.length;
    this.range = null; // of time in s; null: all of it
    this.chosen = new Map(); // options of plots that were changed
  }

  get seconds() {
    return this.data.phases[this.phase].seconds;
  }

  variants() {
    return this.data.variants.map((_, index) => index).filter((index) => this.shown.has(index));
  }

  // The number of a variant's colour and line.
  look(variant) {
    return this.data.variants[variant].look ?? variant;
  }

  option(plot, name) {
    const key = `${plot.name} ${name}`;
    return this.chosen.has(key) ? this.chosen.get(key) : plot.options[name];
  }

  choose(plot, name, on) {
    this.chosen.set(`${plot.name} ${name}`, on);
  }

  // The round that stands for a variant in this phase: the median one; undefined: none ran.
  typical(variant) {
    const index = this.data.typical[variant][this.phase];
    return index === null ? undefined : this.data.rounds[index];
  }

  // What a round measured in this phase, or null.
  step(round) {
    return round ? round.phases[this.phase] : null;
  }

  // Calls for each round of the variants shown that has something, median rounds last, so that they
  // are drawn over the others.
  eachRound(visit) {
    for (const variant of this.variants()) {
      const typical = this.typical(variant);
      if (!this.faint) continue;
      for (const round of this.data.rounds)
        if (round.variant === variant && round.valid && round !== typical && this.step(round))
          visit(this.step(round), variant, false, round);
    }
    for (const variant of this.variants()) {
      const typical = this.typical(variant);
      if (this.step(typical)) visit(this.step(typical), variant, true, typical);
    }
  }

  // A panel's series out of a list of each round; pick may give null.
  series(pick, style = {}) {
    const series = [];
    this.eachRound((step, variant, strong, round) => {
      const picked = pick(step, round, variant);
      if (picked && someNumber(picked.y))
        series.push({ ...style, ...picked, look: this.look(variant), strong, label: this.data.variants[variant].name });
    });
    return series;
  }

  // Middles of a step's slots.
  slotTimes(step) {
    return (step.p99 ?? []).map((_, index) => (index + 0.5) * step.slot);
  }

  // What a point of a plot is, in the words that all formats share.
  point(name) {
    return this.data.points[name].replace('{slot}', figures.ms(this.slotSeconds() * 1000))
      .replace('{first}', this.data.variants[0].name);
  }

  slotSeconds() {
    for (const variant of this.variants()) {
      const step = this.step(this.typical(variant));
      if (step?.slot) return step.slot;
    }
    return 0.1;
  }

  // Latencies that are asked for in this phase, of the variants shown.
  limits() {
    const said = new Set();
    return this.data.objectives.filter((limit) => {
      const here = limit.phase === null || limit.phase === this.phase;
      if (!here || (limit.variant !== null && !this.shown.has(limit.variant)) || said.has(limit.text)) return false;
      said.add(limit.text);
      return true;
    });
  }

  // Variants that a fault left unwell.
  stuck() {
    const names = this.windows().filter((window) => window.stuck).map((window) => this.data.variants[window.variant].name);
    return [...new Set(names)];
  }

  // The faults of this phase as they acted in the median rounds of the variants shown, or of one.
  windows(only) {
    const windows = [];
    for (const variant of only === undefined ? this.variants() : [only]) {
      const round = this.typical(variant);
      if (!round) continue;
      round.faults.forEach((window, index) => {
        const fault = this.data.faults[index];
        if (window && fault.phase === this.phase) windows.push({ ...window, variant, look: this.look(variant), fault });
      });
    }
    return windows;
  }
}
