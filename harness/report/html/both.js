// SPDX-License-Identifier: MIT
// both.js - makes the data of two runs of a scenario into one, so that their curves lie over each other.

// A's variants keep their looks and B's take the same colours with another line. Phases are matched by
// name: what the other run lacks is left out.
function both(a, b) {
  const place = (data, name) => data.phases.findIndex((phase) => phase.name === name);
  const names = a.phases.map((phase) => phase.name).filter((name) => place(b, name) >= 0);
  const merged = { ...a, ratios: [], variants: [], rounds: [], typical: [], faults: a.faults };
  merged.phases = names.map((name) => ({
    ...a.phases[place(a, name)],
    seconds: Math.max(a.phases[place(a, name)].seconds, b.phases[place(b, name)].seconds),
  }));
  merged.main = Math.max(0, names.indexOf(a.phases[a.main].name));
  merged.faults = a.faults.map((fault) => ({ ...fault, phase: names.indexOf(a.phases[fault.phase].name) }));
  merged.objectives = a.objectives.map((limit) => ({
    ...limit, variant: null, phase: limit.phase === null ? null : names.indexOf(a.phases[limit.phase].name),
  }));
  [a, b].forEach((data, side) => {
    const first = merged.variants.length;
    const offset = merged.rounds.length;
    const kept = names.map((name) => place(data, name));
    for (const [index, variant] of data.variants.entries()) {
      const twin = a.variants.findIndex((one) => one.name === variant.name);
      const look = (side === 0 ? index : twin >= 0 ? twin : index) + side * COLOURS;
      merged.variants.push({ ...variant, name: `${'AB'[side]}: ${variant.name}`, look });
    }
    for (const round of data.rounds)
      merged.rounds.push({
        ...round, variant: round.variant + first, phases: kept.map((phase) => round.phases[phase]),
        faults: a.faults.map((fault) => round.faults[data.faults.findIndex((one) => one.name === fault.name)] ?? null),
      });
    for (const rounds of data.typical)
      merged.typical.push(kept.map((phase) => (rounds[phase] === null ? null : rounds[phase] + offset)));
  });
  return merged;
}
