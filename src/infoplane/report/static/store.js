"use strict";
/* Rows of runs -> tracks: one layer over the steps, of one copy and one way of measuring. */

const FACETS = ["run", "layer", "copy", "family", "estimator", "split", "label", "units"];

class Store {
  /* `doubted`: the flags that put a number in doubt; `numbers`: the columns of numbers beside a row's place. */
  constructor(doubted, numbers) {
    this.numbers = numbers;
    this.doubted = new Set(doubted);
    this.tracks = new Map();
    this.scalars = new Map();
    this.layers = new Map(); // name -> position in the network
  }

  /* Rows given as columns: {step: [...], layer: [...], ...}; null is "not computed". */
  add(run, columns) {
    for (let at = 0; at < columns.step.length; at += 1) {
      if (columns.step[at] === null) continue; // no picture has a place for it
      const track = this.track(run, columns, at);
      if (track.step.length && columns.step[at] < track.step[track.step.length - 1]) track.ordered = false;
      track.step.push(columns.step[at]);
      for (const name of this.numbers) track[name].push(columns[name][at]);
      const flags = columns.flags[at] || "";
      track.flags.push(flags);
      track.hollow.push(flags.split(";").some((flag) => this.doubted.has(flag)));
    }
    for (const track of this.tracks.values()) if (!track.ordered) this.order(track);
  }

  addScalars(run, columns) {
    for (let at = 0; at < columns.step.length; at += 1) {
      const facets = { run, copy: columns.copy[at] ?? -1 };
      for (const name of ["split", "name", "layer"]) facets[name] = columns[name][at] ?? "";
      const key = JSON.stringify(facets);
      if (!this.scalars.has(key)) this.scalars.set(key, { ...facets, step: [], value: [] });
      this.scalars.get(key).step.push(columns.step[at]);
      this.scalars.get(key).value.push(columns.value[at]);
    }
  }

  drop(run) {
    for (const map of [this.tracks, this.scalars]) {
      for (const [key, track] of map) if (track.run === run) map.delete(key);
    }
    const left = new Set([...this.tracks.values()].map((track) => track.layer));
    for (const name of this.layers.keys()) if (!left.has(name)) this.layers.delete(name);
  }

  track(run, columns, at) {
    const values = FACETS.map((name) => (name === "run" ? run : columns[name][at] ?? (name === "copy" ? -1 : "")));
    const key = JSON.stringify(values);
    let track = this.tracks.get(key);
    if (!track) {
      track = { key, step: [], flags: [], hollow: [], ordered: true };
      FACETS.forEach((name, number) => (track[name] = values[number]));
      for (const name of this.numbers) track[name] = [];
      this.tracks.set(key, track);
      const position = columns.layer_index[at] ?? this.layers.size;
      this.layers.set(track.layer, Math.min(position, this.layers.get(track.layer) ?? position));
    }
    return track;
  }

  order(track) {
    const order = track.step.map((_, at) => at).sort((a, b) => track.step[a] - track.step[b] || a - b);
    for (const name of ["step", "flags", "hollow", ...this.numbers]) track[name] = order.map((at) => track[name][at]);
    track.ordered = true;
  }

  layerNames() {
    return [...this.layers.keys()].sort((a, b) => this.layers.get(a) - this.layers.get(b));
  }

  steps() {
    const all = new Set();
    for (const track of this.tracks.values()) for (const step of track.step) all.add(step);
    return [...all].sort((a, b) => a - b);
  }
}

/* A CSV file (RFC 4180) of this library -> its columns; a text loses the ' that guards it against spreadsheets. */
function columnsOf(csv, texts) {
  const rows = csv.includes('"') ? quotedRows(csv) : csv.split("\n").map((line) => line.split(","));
  const names = rows[0];
  const columns = Object.fromEntries(names.map((name) => [name, []]));
  for (let row = 1; row < rows.length; row += 1) {
    if (rows[row].length !== names.length) continue; // the empty end of the file
    for (let at = 0; at < names.length; at += 1) {
      const cell = rows[row][at];
      let value = null;
      if (cell !== "") value = texts.includes(names[at]) ? cell.replace(/^'/, "") : Number(cell);
      columns[names[at]].push(value);
    }
  }
  return columns;
}

function quotedRows(csv) {
  const rows = [[]];
  const cell = /("(?:[^"]|"")*"|[^,\n]*)(,|\n|$)/gy;
  while (cell.lastIndex < csv.length) {
    const [, text, end] = cell.exec(csv);
    rows[rows.length - 1].push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end === "\n") rows.push([]);
  }
  return rows;
}

/* The positions of at most `most` points of a track that keep its shape: as far apart in step as on the path. */
function thinned(track, most) {
  const count = track.step.length;
  if (count <= most) return track.step.map((_, at) => at);
  const spread = (values) => Math.max(...extremes(values).map(Math.abs), 1e-12);
  const [wide, high] = [spread(track.i_xt), spread(track.i_ty)];
  const way = [0];
  for (let at = 1; at < count; at += 1) {
    const across = ((track.i_xt[at] - track.i_xt[at - 1]) / wide) ** 2;
    const up = ((track.i_ty[at] - track.i_ty[at - 1]) / high) ** 2;
    way.push(way[at - 1] + Math.sqrt(across + up));
  }
  const whole = way[count - 1] || 1;
  const kept = [];
  let next = 0;
  for (let at = 0; at < count; at += 1) {
    if (at / (count - 1) + way[at] / whole >= next || at === count - 1) {
      kept.push(at);
      next = at / (count - 1) + way[at] / whole + 2 / (most - 1);
    }
  }
  return kept;
}

function extremes(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

/* The position of the last point at or before a step; -1 where there is none. */
function positionAt(steps, step) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/* Whether the distances between steps grow with the steps themselves. */
function logSpaced(steps) {
  const positive = steps.filter((step) => step > 0);
  if (positive.length < 4) return false;
  const gaps = positive.slice(1).map((step, at) => step - positive[at]);
  const [least, most] = extremes(gaps);
  const far = positive[positive.length - 1] / positive[0] >= 20;
  return far && most / least >= 5 && gaps.indexOf(most) > gaps.length / 2;
}
