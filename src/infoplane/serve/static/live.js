"use strict";
/* The live page: the list of runs, and one or two of them as they grow. */

const LIST_EVERY = 1000; // milliseconds
const LEAST_PAUSE = 200; // between two drawings, and at least twice the time that the last one took
const PACE_OVER = 10000; // milliseconds over which steps per second are counted
const AT_ONCE = 100; // milliseconds: the server looks for new rows less often
const NEW_TOKEN = "The server was started anew and has a new token: open the address that it has printed, in this browser; "
  + "this page then goes on by itself.";
const NO_FACTS = { measurement: "", units: "bits", ceilings: [] };

class Live {
  /* `wanted`: the run to show once it is there; the first that is running if empty. */
  constructor(wanted) {
    const { colours, flags, numbers } = JSON.parse(element("page").textContent);
    Object.assign(this, { wanted, runs: [], listed: "", overviews: new Map(), sources: new Map(), marks: [] });
    Object.assign(this, { paused: false, timer: 0, took: 0 });
    this.store = new Store(flags.doubted, numbers);
    const facts = (run) => this.overviews.get(run)?.facts ?? NO_FACTS;
    this.view = new View(this.store, { facts, colours, words: flags.words });
    element("pause").addEventListener("click", () => this.pause(!this.paused));
    element("compare").addEventListener("change", () => this.show(this.chosen, element("compare").value));
    this.view.changed();
  }

  async list() {
    try {
      const answer = await fetch("runs");
      if (answer.status === 401) throw new Error(NEW_TOKEN);
      if (!answer.ok) throw new Error(`the server says: ${await answer.text()}`);
      this.runs = await answer.json();
      this.trouble("");
      this.drawList();
    } catch (error) {
      const lost = `The list of runs cannot be had (${error.message}): is infoplane serve still running?`;
      this.trouble(error.message === NEW_TOKEN ? NEW_TOKEN : lost);
    }
    setTimeout(() => this.list(), LIST_EVERY);
  }

  drawList() {
    const text = JSON.stringify([this.runs, this.chosen]);
    if (text === this.listed) return;
    this.listed = text;
    const focused = document.activeElement?.dataset?.run;
    const rows = this.runs.map((run) => this.row(run));
    element("runs").tBodies[0].replaceChildren(...rows);
    const buttons = rows.map((row) => row.querySelector("button"));
    if (focused !== undefined) buttons.find((button) => button.dataset.run === focused)?.focus();
    element("none").textContent = this.runs.length ? "" : "There is no run in this folder yet.";
    const compared = element("compare").value;
    const others = this.runs.filter((run) => run.name !== this.chosen).map((run) => run.name);
    const options = [["", "no other run"], ...others.map((name) => [name, name])];
    const choices = options.map(([value, textContent]) => create("option", { value, textContent }));
    element("compare").replaceChildren(...choices);
    element("compare").value = others.includes(compared) ? compared : "";
    const first = this.wanted
      ? this.runs.find((run) => run.name === this.wanted)
      : this.runs.find((run) => run.state === "running") ?? this.runs[0];
    if (!this.chosen && first) this.show(first.name, "");
  }

  row(run) {
    const button = create("button", { type: "button", textContent: run.name });
    button.dataset.run = run.name;
    button.setAttribute("aria-pressed", String(run.name === this.chosen));
    button.addEventListener("click", () => this.show(run.name, ""));
    const state = create("span", { className: "state", textContent: run.state });
    state.dataset.state = run.state;
    const wanted = run.steps_wanted ? ` of ${run.steps_wanted}` : "";
    const started = String(run.started ?? "").replace("T", " ").replace("+00:00", " UTC");
    const title = create("bdi", { textContent: run.title || run.trouble });
    const cells = [button, state, `${run.steps_done ?? ""}${wanted}`, started, title];
    return create("tr", {}, cells.map((cell) => create("td", {}, [cell])));
  }

  /* One run, and perhaps another to compare it with. */
  show(name, other) {
    if (name !== this.chosen) {
      this.marks = [];
      this.view.following = true;
    }
    this.chosen = name;
    const wanted = [name, other].filter(Boolean);
    for (const [run, source] of this.sources) {
      if (!wanted.includes(run)) {
        source.close();
        this.sources.delete(run);
        this.store.drop(run);
      }
    }
    for (const run of wanted) if (!this.sources.has(run)) this.open(run);
    this.drawList();
    element("title").textContent = wanted.join(" and ");
    document.title = `infoplane: ${wanted.join(" and ")}`;
    this.redraw();
  }

  open(run) {
    const source = new EventSource(`events/${encodeURIComponent(run)}`);
    this.sources.set(run, source);
    const heard = (name, action) => source.addEventListener(name, (event) => {
      action(JSON.parse(event.data));
      this.redraw();
    });
    heard("begin", () => {
      this.store.drop(run);
      if (run === this.chosen) this.marks = [];
    });
    heard("run", (overview) => {
      this.overviews.set(run, { facts: NO_FACTS, ...overview });
      if (run === this.chosen) this.showState();
    });
    heard("scalars", (columns) => this.store.addScalars(run, columns));
    heard("rows", (columns) => {
      this.store.add(run, columns);
      if (run === this.chosen) this.mark(columns.step);
    });
    source.addEventListener("error", () => {
      element("state").textContent = "connection lost, trying again";
      // A browser tries again by itself, unless the server refused: as one does that was started anew with a new token
      if (source.readyState !== EventSource.CLOSED || this.sources.get(run) !== source) return;
      setTimeout(() => this.sources.get(run) === source && this.open(run), LIST_EVERY);
    });
    source.addEventListener("open", () => this.showState());
  }

  /* How far the run was when. Rows that come at once are of the past, and say nothing of its pace. */
  mark(steps) {
    const [, step] = extremes(steps);
    const now = performance.now();
    const isPast = now - (this.marks.at(-1)?.now ?? 0) < AT_ONCE;
    const kept = isPast ? [] : this.marks.filter((mark) => now - mark.now < PACE_OVER);
    this.marks = [...kept, { now, step }];
  }

  showState() {
    const overview = this.overviews.get(this.chosen);
    if (overview) element("state").textContent = [overview.state, overview.trouble].filter(Boolean).join(": ");
  }

  progress() {
    const overview = this.overviews.get(this.chosen) ?? {};
    const { steps } = this.view.look;
    const newest = Math.max(this.marks.at(-1)?.step ?? 0, overview.steps_done ?? 0);
    element("progress").max = Math.max(overview.steps_wanted ?? newest, newest, 1);
    element("progress").value = newest;
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    const running = overview.state === "running" && last && last.now > first.now;
    const pace = running ? `, ${((1000 * (last.step - first.step)) / (last.now - first.now)).toFixed(0)} steps/s` : "";
    const wanted = overview.steps_wanted ? ` of ${overview.steps_wanted}` : "";
    element("pace").textContent = steps.length ? `step ${newest}${wanted}${pace}` : "no row yet";
  }

  pause(paused) {
    this.paused = paused;
    element("pause").setAttribute("aria-pressed", String(paused));
    element("pause").textContent = paused ? "Go on with the view" : "Pause the view";
    this.redraw();
  }

  redraw() {
    if (this.timer || this.paused) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (this.paused) return;
      const begun = performance.now();
      this.view.changed();
      this.progress();
      this.took = performance.now() - begun;
    }, Math.max(LEAST_PAUSE, 2 * this.took));
  }

  trouble(text) {
    element("trouble").hidden = !text;
    element("trouble").textContent = text;
  }
}

const live = new Live(decodeURIComponent(location.hash.slice(1)));
history.replaceState(null, "", location.pathname); // the token is in the cookie now
live.list();
