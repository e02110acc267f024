// SPDX-License-Identifier: MIT
// ratios.js - how each pair of rounds compares, and what they say together.

// Variants stand beside each other where they have a round in common.
const shift = (place, count) => (count < 2 ? 0 : ((place - (count - 1) / 2) * 0.5) / count);

function interval(ratio, look) {
  return (chart) => {
    const { ctx, bbox } = chart;
    const y = (value) => Math.max(bbox.top, Math.min(bbox.top + bbox.height, chart.valToPos(value, 'y', true)));
    const stroke = lookColour(look);
    if (ratio.low !== null) {
      ctx.fillStyle = withAlpha(stroke, 0.14);
      ctx.fillRect(bbox.left, y(ratio.high), bbox.width, y(ratio.low) - y(ratio.high));
    }
    ctx.fillStyle = stroke;
    ctx.fillRect(bbox.left, y(ratio.value) - devicePixelRatio / 2, bbox.width, devicePixelRatio);
  };
}

plots.push({
  name: 'ratios',
  title: 'Round by round',
  wide: true,
  caption: (data, view) => view.point('ratios'),
  panels(data, view) {
    const metrics = [...new Set(data.ratios.map((ratio) => ratio.metric))];
    return metrics.map((metric) => {
      const ratios = data.ratios.filter((ratio) => ratio.metric === metric && view.shown.has(ratio.variant));
      const rounds = ratios.flatMap((ratio) => ratio.x);
      const ends = ratios.flatMap((ratio) => [ratio.low, ratio.high]).filter((end) => end !== null);
      return {
        title: `${metric} over that of ${data.variants[0].name}`,
        half: metrics.length > 1,
        x: {
          label: 'pair', from: 0.5, to: Math.max(1, ...rounds) + 0.5,
          ticks: [...new Set(rounds)].sort((a, b) => a - b), format: digits,
          tip: (x) => `pair ${Math.round(x)}`,
        },
        y: { format: digits, from: Math.min(1, ...ends), to: Math.max(1, ...ends) },
        series: ratios.map((ratio, place) => ({
          label: data.variants[ratio.variant].name, look: view.look(ratio.variant), strong: true, line: false, points: true,
          x: ratio.x.map((x) => x + shift(place, ratios.length)), y: ratio.y,
        })),
        behind: [levelLine(1), ...ratios.map((ratio) => interval(ratio, view.look(ratio.variant)))],
      };
    });
  },
});
