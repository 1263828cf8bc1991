"use strict";
/* The report: rows from the CSV files inside the page. */

function unpacked(id) {
  const letters = atob(element(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
}

async function textIn(id) {
  return new Response(unpacked(id)).text();
}

function download(name, text) {
  const link = create("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function open() {
  const page = JSON.parse(element("page").textContent);
  document.head.append(create("script", { textContent: await textIn("plotly") }));
  const store = new Store(page.flags.doubted, page.numbers);
  for (const [number, run] of page.runs.entries()) {
    const csv = await textIn(`rows-${number}`);
    store.add(run.name, columnsOf(csv, page.texts));
    if (element(`scalars-${number}`)) {
      store.addScalars(run.name, columnsOf(await textIn(`scalars-${number}`), page.texts));
    }
  }
  for (const button of document.querySelectorAll("button[data-csv]")) {
    button.addEventListener("click", async () => download(button.dataset.name, await textIn(button.dataset.csv)));
  }
  element("print").addEventListener("click", () => print());
  const facts = Object.fromEntries(page.runs.map((run) => [run.name, run.facts]));
  const factsOf = (run) => facts[run] ?? page.runs[0].facts;
  const view = new View(store, { facts: factsOf, colours: page.colours, words: page.flags.words });
  view.changed();
  document.documentElement.dataset.ready = "yes";
}

open().catch((error) => {
  element("trouble").hidden = false;
  element("trouble").textContent = `The pictures could not be drawn in this browser: ${error.message}`;
  throw error;
});
