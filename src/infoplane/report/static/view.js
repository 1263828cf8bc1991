"use strict";
/* The plane with its choices, its slider, its curves and its table; the report and the live page share it. */

const FACET_TITLES = {
  run: "Runs", layer: "Layers", copy: "Copies", family: "Families", estimator: "Estimators", split: "Splits",
  label: "Labels", units: "Units",
};
const FIRST_ONLY = new Set(["family", "estimator", "split", "units"]); // one of them at first, the others on demand
const PATTERNS = {
  solid: "", dash: "9 5", dot: "2 4", dashdot: "9 4 2 4", longdash: "15 5", longdashdot: "15 4 2 4",
};
const NOISE_LEVEL = /^channel (-?[\d.e+-]+) dB$/; // as planes call the levels of the estimator channel
const PLAY_SECONDS = 10;
const PLOT_OPTIONS = { displayModeBar: false, responsive: true };

const element = (id) => document.getElementById(id);

function create(tag, properties = {}, children = []) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

function dashSample(dash) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const attributes = { class: "dash", width: 44, height: 10, "aria-hidden": "true" };
  for (const [name, value] of Object.entries(attributes)) drawing.setAttribute(name, value);
  const drawn = { x1: 0, x2: 44, y1: 5, y2: 5, "stroke-dasharray": PATTERNS[dash] };
  for (const [name, value] of Object.entries(drawn)) line.setAttribute(name, value);
  drawing.append(line);
  return drawing;
}

class View {
  /* `facts(run)` -> {measurement, units, ceilings}; `colours` -> {light, dark}, each {layers, steps}; `words` -> what
     each flag says. */
  constructor(store, { facts, colours, words }) {
    Object.assign(this, { store, facts, colours, words, off: {}, seen: {}, at: 0, revision: 0, shown: 0, following: true, playing: 0 });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    element("step").addEventListener("input", () => this.moveTo(Number(element("step").value)));
    element("noise").addEventListener("input", () => this.atNoise(Number(element("noise").value)));
    element("play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    element("colour").addEventListener("change", () => this.changed());
    element("unzoom").addEventListener("click", () => this.unzoom());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.changed());
    addEventListener("beforeprint", () => this.themed("light"));
    addEventListener("afterprint", () => this.themed(""));
  }

  themed(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    this.changed();
  }

  /* Rows or choices are new: everything is drawn again. */
  changed() {
    this.choices();
    this.noise();
    const steps = this.store.steps();
    this.look = new Look(this.store, this.colours, this.revision);
    const last = Math.max(steps.length - 1, 0);
    this.at = this.following ? last : Math.max(positionAt(steps, this.shown), 0);
    element("step").max = last;
    const isOn = (track) => FACETS.every((name) => !this.off[name].has(track[name]));
    this.chosen = [...this.store.tracks.values()].filter(isOn);
    this.drawn = drawnTracks(this.chosen, this.look, element("colour").value, this.varying);
    this.key();
    this.draw();
    this.drawCurves();
  }

  /* What the colours of the steps and the kinds of lines mean. */
  key() {
    document.querySelectorAll("#choice-layer .swatch").forEach((swatch, number) => {
      swatch.style.backgroundColor = this.look.colour(this.look.names[number]);
    });
    const scale = this.drawn[0]?.scale ?? [];
    const cells = scale.map(([, colour]) => {
      const cell = create("span");
      cell.style.backgroundColor = colour;
      return cell;
    });
    const { steps } = this.look;
    const ends = [steps.at(0) ?? 0, steps.at(-1) ?? 0];
    const [first, last] = ends.map((textContent) => create("span", { textContent, className: "end" }));
    element("scale").hidden = element("colour").value !== "step";
    element("scale").replaceChildren(first, ...cells, last);
    const several = this.look.ways.length > 1;
    const items = this.look.ways.map((way, number) => {
      const words = JSON.parse(way).filter((text, at) => text !== "" && this.varying.includes(WAYS[at])).join(", ");
      return create("li", {}, [dashSample(DASHES[number % DASHES.length]), create("bdi", { textContent: words })]);
    });
    element("ways").replaceChildren(...(several ? items : []));
  }

  /* A box for every value there is; one that is gone is forgotten. */
  choices() {
    this.varying = [];
    const tracks = [...this.store.tracks.values()];
    for (const name of FACETS) {
      const present = [...new Set(tracks.map((track) => track[name]))];
      const values = name === "layer" ? this.store.layerNames() : present;
      if (name === "copy") values.sort((a, b) => a - b);
      this.off[name] = new Set([...(this.off[name] ?? [])].filter((value) => values.includes(value)));
      const earlier = this.seen[name] ?? [];
      if (values.length > 1) this.varying.push(name);
      const fresh = values.filter((value) => !earlier.includes(value));
      for (const value of fresh) if (FIRST_ONLY.has(name) && value !== values[0]) this.off[name].add(value);
      if (fresh.length || earlier.length !== values.length) {
        const allOff = values.every((value) => this.off[name].has(value));
        if (FIRST_ONLY.has(name) && allOff) this.off[name].delete(values[0]);
        this.fieldset(name, values);
      }
      this.seen[name] = values;
    }
  }

  /* Levels of the noise, from much to little. */
  noiseLevels() {
    const decibels = (name) => Number(NOISE_LEVEL.exec(name)[1]);
    return this.seen.estimator.filter((name) => NOISE_LEVEL.test(name)).sort((a, b) => decibels(a) - decibels(b));
  }

  noise() {
    const levels = this.noiseLevels();
    element("noise-part").hidden = levels.length < 2;
    const on = levels.filter((name) => !this.off.estimator.has(name));
    element("noise").max = Math.max(levels.length - 1, 0);
    if (on.length) element("noise").value = levels.indexOf(on[0]);
    const words = on.map((name) => name.replace("channel ", "")).join(", ") || "none";
    element("noise-shown").textContent = words;
    element("noise").setAttribute("aria-valuetext", `signal to noise ${words}`);
  }

  /* One level of the noise, the others out of sight; estimators of other kinds stay as they are. */
  atNoise(at) {
    this.noiseLevels().forEach((name, number) => {
      if (number === at) this.off.estimator.delete(name);
      else this.off.estimator.add(name);
    });
    this.fieldset("estimator", this.seen.estimator);
    this.changed();
  }

  fieldset(name, values) {
    const old = element(`choice-${name}`);
    const boxes = values.map((value) => this.checkbox(name, value));
    const hidden = values.length < 2 && name !== "layer";
    const title = create("legend", { textContent: FACET_TITLES[name] });
    const set = create("fieldset", { id: `choice-${name}`, hidden }, [title, ...boxes]);
    if (old) old.replaceWith(set);
    else element("choices").append(set);
  }

  checkbox(name, value) {
    const box = create("input", { type: "checkbox", checked: !this.off[name].has(value) });
    box.addEventListener("change", () => {
      if (box.checked) this.off[name].delete(value);
      else this.off[name].add(value);
      this.changed();
    });
    const words = name === "copy" ? copyName(value) : value === "" ? "none" : value;
    const parts = [box, create("bdi", { textContent: words })];
    if (name === "layer") parts.splice(1, 0, create("span", { className: "swatch", ariaHidden: "true" }));
    return create("label", {}, parts);
  }

  step() {
    return this.look.steps[this.at] ?? 0;
  }

  moveTo(at) {
    this.at = at;
    this.following = at === this.look.steps.length - 1;
    if (!this.waiting) {
      this.waiting = requestAnimationFrame(() => {
        this.waiting = 0;
        this.draw();
      });
    }
  }

  draw() {
    const step = this.step();
    this.shown = step;
    element("step").value = this.at;
    element("step").setAttribute("aria-valuetext", `step ${step}`);
    for (const id of ["step-shown", "numbers-step"]) element(id).textContent = step;
    const facts = this.factsShown();
    const traces = planeTraces(this.drawn, this.look, step, this.varying);
    Plotly.react("plane", traces, planeLayout(this.drawn, this.look, facts), PLOT_OPTIONS);
    this.table(step);
    clearTimeout(this.marking); // the curves wait until the slider rests
    this.marking = setTimeout(() => this.markStep(), 150);
  }

  markStep() {
    for (const id of ["curves", "scalars"]) {
      if (element(id).layout) Plotly.relayout(id, { "shapes[0]": nowLine(this.look, this.step()) });
    }
  }

  factsShown() {
    const runs = [...new Set(this.chosen.map((track) => track.run))];
    const every = (runs.length ? runs : [""]).map((run) => this.facts(run));
    const texts = new Map(every.flatMap((facts) => facts.ceilings).map((ceiling) => [ceiling.text, ceiling]));
    const units = [...new Set(this.chosen.map((track) => track.units))].filter(Boolean).join(", ");
    const models = new Set(every.map((facts) => facts.measurement));
    return { units, ceilings: [...texts.values()], measurement: models.size === 1 ? every[0].measurement : "" };
  }

  drawCurves() {
    const step = this.step();
    const { units } = this.factsShown();
    Plotly.react("curves", curveTraces(this.drawn, this.look), curveLayout(this.look, step, units), PLOT_OPTIONS);
    const scalars = [...this.store.scalars.values()].filter((series) =>
      ["run", "split", "layer", "copy"].every((name) => series[name] === "" || !this.off[name].has(series[name])));
    element("scalars-part").hidden = !scalars.length;
    if (!scalars.length) return;
    const names = [...new Set(scalars.map((series) => series.name))];
    const layout = scalarLayout(names, this.look, step);
    Plotly.react("scalars", scalarTraces(scalars, names, this.look), layout, PLOT_OPTIONS);
  }

  /* What the picture shows at this step, as text. */
  table(step) {
    const names = ["layer", ...this.varying.filter((name) => name !== "layer")];
    const heads = [...names, "step", "I(X;T)", "I(T;Y)", "H(T)", "flags"];
    const position = (track) => this.look.names.indexOf(track.layer);
    const [rows, flags] = [[], new Set()];
    for (const track of [...this.chosen].sort((a, b) => position(a) - position(b))) {
      const at = positionAt(track.step, step);
      if (at < 0) continue;
      const cells = names.map((name) => (name === "copy" ? copyName(track.copy) : track[name]));
      const numbers = [withInterval(track, "i_xt", at), withInterval(track, "i_ty", at), inDigits(track.h_t[at])];
      rows.push([...cells, track.step[at], ...numbers, track.flags[at].replaceAll(";", ", ")]);
      for (const flag of track.flags[at].split(";")) if (flag && flag !== "green") flags.add(flag);
    }
    const head = create("tr", {}, heads.map((name) => create("th", { scope: "col", textContent: name })));
    const isolated = (textContent) => create("td", {}, [create("bdi", { textContent })]);
    const body = rows.map((cells) => create("tr", {}, cells.map(isolated)));
    element("numbers").replaceChildren(create("thead", {}, [head]), create("tbody", {}, body));
    const meanings = [...flags].flatMap((flag) => [
      create("dt", {}, [create("bdi", { textContent: flag })]),
      create("dd", { textContent: this.words[flag] ?? "This version of infoplane does not know this flag." }),
    ]);
    element("flag-words").replaceChildren(...meanings);
  }

  play() {
    const last = this.look.steps.length - 1;
    if (this.at >= last) this.at = 0;
    const [from, begun] = [this.at, performance.now()];
    const move = (now) => {
      const part = Math.min((now - begun) / 1000 / PLAY_SECONDS, 1);
      const jumps = this.still.matches ? Math.floor(part * 10) / 10 : part;
      this.moveTo(Math.min(from + Math.floor(jumps * (last - from)), last));
      if (part < 1) this.playing = requestAnimationFrame(move);
      else this.stop();
    };
    this.playing = requestAnimationFrame(move);
    element("play").textContent = "Stop";
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    element("play").textContent = "Play";
  }

  unzoom() {
    this.revision += 1;
    this.changed();
  }
}
