"use strict";
/* Tracks -> traces and layouts for plotly. Everything that a run names goes through `typed`. */

const SYMBOLS = [
  "circle", "square", "triangle-up", "diamond", "triangle-down", "pentagon", "x", "star", "triangle-left",
  "triangle-right",
];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const WAYS = ["run", "family", "estimator", "split", "label"];
const MOST_POINTS = 1500; // drawn at once; what is stored is never thinned
const PAPER_WIDTH = 680; // pixels of a picture on paper
const MOST_NAMES = 14;

/* A name for the picture: without control characters, a long one with its middle left out, plotly's markup inert. */
function typed(name) {
  const plain = [...String(name).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "")];
  const shown = plain.length <= 32 ? plain : [...plain.slice(0, 15), "…", ...plain.slice(-16)];
  return shown.join("").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function inDigits(value) {
  return value === null || value === undefined ? "–" : Number(value).toFixed(4).replace("-", "−");
}

function withInterval(track, name, at) {
  const [low, high] = [track[`${name}_low`][at], track[`${name}_high`][at]];
  const interval = low === null || high === null ? "" : ` [${inDigits(low)}, ${inDigits(high)}]`;
  return `${inDigits(track[name][at])}${interval}`;
}

function copyName(copy) {
  return copy === -1 ? "all copies" : `copy ${copy}`;
}

function hoverText(track, at, varying) {
  const units = typed(track.units);
  const ways = varying.filter((name) => !["layer", "copy", "units"].includes(name)).map((name) => typed(track[name]));
  const copy = track.copy === -1 ? [] : [copyName(track.copy)];
  const lines = [
    `${typed(track.layer)}, step ${track.step[at]}`,
    `I(X;T) = ${withInterval(track, "i_xt", at)} ${units}`,
    `I(T;Y) = ${withInterval(track, "i_ty", at)} ${units}`,
  ];
  if (track.h_t[at] !== null) lines.push(`H(T) = ${inDigits(track.h_t[at])} ${units}`);
  if (track.i_ty_null[at] !== null) lines.push(`I(T;Y) of shuffled labels = ${inDigits(track.i_ty_null[at])} ${units}`);
  const details = [...ways, ...copy].filter((text) => text !== "");
  if (details.length) lines.push(details.join(", "));
  if (track.flags[at]) lines.push(`flags: ${typed(track.flags[at].replaceAll(";", ", "))}`);
  return lines.join("<br>");
}

/* How the tracks look: a colour and a marker a layer, a kind of line for every other way in which they differ. */
class Look {
  constructor(store, colours, revision) {
    this.names = store.layerNames();
    this.steps = store.steps();
    this.log = logSpaced(this.steps);
    this.colours = colours;
    this.revision = revision; // a new one undoes zooming
    this.dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    const style = getComputedStyle(document.documentElement);
    for (const name of ["page", "ink", "grid", "faint"]) this[name] = style.getPropertyValue(`--${name}`).trim();
    this.ways = [];
  }

  colour(layer) {
    const { layers, steps } = this.colours[this.dark ? "dark" : "light"];
    const number = this.names.indexOf(layer);
    if (this.names.length <= layers.length) return layers[number];
    return steps[Math.round((number / (this.names.length - 1)) * (steps.length - 1))];
  }

  symbol(layer) {
    return SYMBOLS[this.names.indexOf(layer) % SYMBOLS.length];
  }

  dash(track) {
    const way = JSON.stringify(WAYS.map((name) => track[name]));
    if (!this.ways.includes(way)) this.ways.push(way);
    return DASHES[this.ways.indexOf(way) % DASHES.length];
  }

  shade(step) {
    return this.log ? Math.log10(step + 1) : step;
  }

  layout(more) {
    const lines = { gridcolor: this.grid, zerolinecolor: this.grid, linecolor: this.faint };
    const axis = { ...lines, ticks: "outside", automargin: true };
    const paper = document.documentElement.dataset.theme ? { width: PAPER_WIDTH } : { autosize: true };
    const layout = {
      ...paper, paper_bgcolor: this.page, plot_bgcolor: this.page, font: { color: this.ink, size: 13 },
      showlegend: false, hovermode: "closest", hoverlabel: { align: "left" }, margin: { l: 64, r: 24, t: 24, b: 56 },
      uirevision: this.revision,
    };
    for (const [name, options] of Object.entries(more)) {
      layout[name] = /^[xy]axis/.test(name) ? { ...axis, ...options } : options;
    }
    return layout;
  }
}

/* What is drawn of each track, made anew only when rows or choices change. */
function drawnTracks(tracks, look, colourBy, varying) {
  const most = Math.max(Math.floor(MOST_POINTS / Math.max(tracks.length, 1)), 8);
  const { steps } = look.colours[look.dark ? "dark" : "light"];
  const scale = steps.map((colour, at) => [at / (steps.length - 1), colour]);
  return tracks.map((track) => {
    const kept = thinned(track, most);
    const symbol = look.symbol(track.layer);
    return {
      track, kept, steps: kept.map((at) => track.step[at]), scale, dash: look.dash(track),
      x: kept.map((at) => track.i_xt[at]), y: kept.map((at) => track.i_ty[at]),
      text: kept.map((at) => hoverText(track, at, varying)),
      colour: colourBy === "step" ? kept.map((at) => look.shade(track.step[at])) : look.colour(track.layer),
      symbol: kept.map((at) => (track.hollow[at] ? `${symbol}-open` : symbol)),
    };
  });
}

function planeTraces(drawn, look, step, varying) {
  const reach = extremes(look.steps.map((each) => look.shade(each)));
  const heads = { x: [], y: [], text: [], hovertext: [], symbol: [], colour: [] };
  const traces = drawn.map(({ track, steps, scale, dash, x, y, text, colour, symbol }) => {
    const end = positionAt(steps, step) + 1;
    const at = positionAt(track.step, step);
    if (at >= 0) {
      heads.x.push(track.i_xt[at]);
      heads.y.push(track.i_ty[at]);
      heads.text.push(`\u00a0${typed(track.layer)}`);
      heads.hovertext.push(hoverText(track, at, varying));
      heads.symbol.push(track.hollow[at] ? `${look.symbol(track.layer)}-open` : look.symbol(track.layer));
      heads.colour.push(look.colour(track.layer));
    }
    const many = drawn.length > 2 * MOST_NAMES;
    return {
      type: "scatter", mode: "lines+markers", x: x.slice(0, end), y: y.slice(0, end), hovertext: text.slice(0, end),
      hoverinfo: "text", opacity: many && track.copy !== -1 ? 0.6 : 0.9,
      line: { color: look.colour(track.layer), width: 1.2, dash },
      marker: {
        size: many ? 4 : 5, symbol: symbol.slice(0, end), color: Array.isArray(colour) ? colour.slice(0, end) : colour,
        colorscale: scale, cmin: reach[0], cmax: Math.max(reach[1], reach[0] + 1e-9), line: { width: 0 },
      },
    };
  });
  traces.push({
    type: "scatter", mode: drawn.length <= MOST_NAMES ? "markers+text" : "markers", x: heads.x, y: heads.y,
    text: heads.text, textposition: "middle right", hovertext: heads.hovertext, hoverinfo: "text",
    textfont: { color: look.ink, size: 12 }, cliponaxis: false,
    marker: { size: 12, symbol: heads.symbol, color: heads.colour, line: { color: look.ink, width: 1 } },
  });
  return traces;
}

/* From 0 (or below) to a little beyond the values and the ceilings near them, the same at every step. */
function limits(values, ceilings) {
  const [low, high] = extremes(values);
  const near = ceilings.filter((ceiling) => high >= 0.4 * ceiling.value).map((ceiling) => ceiling.value);
  const [bottom, top] = [Math.min(0, low), Math.max(0, high, ...near) || 1];
  return [bottom - 0.04 * (top - bottom), top + 0.06 * (top - bottom)];
}

function planeLayout(drawn, look, facts) {
  const ceilings = facts.ceilings;
  const ranges = { x: "i_xt", y: "i_ty" };
  for (const axis of ["x", "y"]) {
    const values = drawn.flatMap(({ track }) => extremes(track[ranges[axis]]));
    ranges[axis] = limits(values.length ? values : [0, 1], ceilings.filter((ceiling) => ceiling.axis === axis));
  }
  const inside = ceilings.filter(({ axis, value }) => value <= ranges[axis][1]);
  const line = { type: "line", line: { color: look.faint, width: 1, dash: "dash" }, layer: "below" };
  const shapes = inside.map(({ axis, value }) =>
    axis === "x"
      ? { ...line, x0: value, x1: value, yref: "paper", y0: 0, y1: 1 }
      : { ...line, y0: value, y1: value, xref: "paper", x0: 0, x1: 1 });
  const note = { showarrow: false, yanchor: "bottom", font: { color: look.faint, size: 12 } };
  const annotations = inside.map(({ axis, value, text }) =>
    axis === "x"
      ? { ...note, text: typed(text), x: value, yref: "paper", y: 0.01, textangle: -90, xanchor: "right" }
      : { ...note, text: typed(text), y: value, xref: "paper", x: 0.01, xanchor: "left" });
  const model = facts.measurement ? `, ${typed(facts.measurement)}` : "";
  const units = typed(facts.units);
  return look.layout({
    height: 560, shapes, annotations,
    xaxis: { title: { text: `I(X;T) [${units}${model}]` }, range: ranges.x },
    yaxis: { title: { text: `I(T;Y) [${units}]` }, range: ranges.y },
  });
}

function curveTraces(drawn, look) {
  return drawn.flatMap(({ track, steps, x, y, text, dash }) =>
    [["y", x], ["y2", y]].map(([yaxis, values]) => ({
      type: "scatter", mode: "lines", x: steps.map((step) => (look.log ? step + 1 : step)), y: values, yaxis,
      xaxis: "x", hovertext: text, hoverinfo: "text", opacity: track.copy === -1 ? 1 : 0.6,
      line: { color: look.colour(track.layer), width: 1.6, dash },
    })));
}

function nowLine(look, step) {
  const x = look.log ? step + 1 : step;
  const line = { color: look.faint, width: 1, dash: "dot" };
  return { type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line };
}

function stepAxis(look) {
  return look.log ? { type: "log", title: { text: "step + 1" } } : { title: { text: "step" } };
}

function curveLayout(look, step, units) {
  return look.layout({
    height: 520, shapes: [nowLine(look, step)], xaxis: { ...stepAxis(look), anchor: "y2" },
    yaxis: { title: { text: `I(X;T) [${typed(units)}]` }, domain: [0.54, 1], rangemode: "tozero" },
    yaxis2: { title: { text: `I(T;Y) [${typed(units)}]` }, domain: [0, 0.46], rangemode: "tozero" },
  });
}

/* One row of axes a name: loss, accuracy, statistics of gradients. */
function scalarTraces(scalars, names, look) {
  const most = Math.max(Math.floor(MOST_POINTS / Math.max(scalars.length, 1)), 50);
  const runs = [...new Set(scalars.map((series) => series.run))];
  return scalars.map((series) => {
    const stride = Math.max(Math.ceil(series.step.length / most), 1);
    const kept = series.step.map((_, at) => at).filter((at) => at % stride === 0 || at === series.step.length - 1);
    const row = names.indexOf(series.name);
    const whose = [series.layer, series.split, series.copy === -1 ? "" : copyName(series.copy), series.run];
    const origin = whose.filter((text) => text !== "").map(typed).join(", ");
    return {
      type: "scatter", mode: "lines", xaxis: "x", yaxis: row ? `y${row + 1}` : "y", hoverinfo: "text",
      x: kept.map((at) => series.step[at] + (look.log ? 1 : 0)), y: kept.map((at) => series.value[at]),
      hovertext: kept.map((at) => {
        const value = Number(series.value[at]).toPrecision(5);
        return `${typed(series.name)} = ${value}<br>step ${series.step[at]}<br>${origin}`;
      }),
      line: {
        color: series.layer && look.names.includes(series.layer) ? look.colour(series.layer) : look.ink, width: 1.5,
        dash: DASHES[(2 * runs.indexOf(series.run) + (series.split === "test" ? 1 : 0)) % DASHES.length],
      },
    };
  });
}

function scalarLayout(names, look, step) {
  const layout = { height: 80 + 170 * names.length, shapes: [nowLine(look, step)] };
  const share = 1 / names.length;
  names.forEach((name, row) => {
    const top = 1 - row * share;
    layout[row ? `yaxis${row + 1}` : "yaxis"] = { title: { text: typed(name) }, domain: [top - share * 0.86, top] };
  });
  layout.xaxis = { ...stepAxis(look), anchor: names.length > 1 ? `y${names.length}` : "y" };
  return look.layout(layout);
}
