"use strict";

// Tables: a column's button sorts by it, largest first, then smallest first; what is missing stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.value;
    const rows = Array.from(table.tBodies[0].rows);
    const numeric = rows.every(row => !isNaN(Number(key(row))));
    rows.sort((first, second) => {
      const a = key(first), b = key(second);
      if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
      const order = numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }));
}

// A box that scrolls sideways says so.
const boxes = new ResizeObserver(entries => entries.forEach(({ target }) => hint(target.closest(".scroll"))));
const hint = box => {
  const line = box.closest(".wide").querySelector(".hint");
  if (line) line.hidden = box.scrollWidth <= box.clientWidth + 1;
};
for (const box of document.querySelectorAll(".scroll")) {
  boxes.observe(box);
  boxes.observe(box.firstElementChild);
}

// Figures: colours are the style sheet's variables, in dark mode and print as well.
const look = { font: "system-ui, sans-serif", labelColor: "var(--ink)", titleColor: "var(--ink)", labelFontSize: 12, titleFontSize: 12 };
const axis = { ...look, titleFontWeight: "normal", gridColor: "var(--line)", domainColor: "var(--dim)", tickColor: "var(--dim)", labelLimit: 220, labelOverlap: false };
const config = {
  background: "transparent",
  view: { stroke: null },
  axis: { ...axis, labelFont: look.font, titleFont: look.font },
  axisX: { grid: false },
  legend: { ...look, orient: "top", direction: "vertical", labelLimit: 320, symbolLimit: 30, symbolOpacity: 1, labelFont: look.font },
  header: { ...look, labelFontWeight: 600 },
  text: { font: look.font },
};
const specs = document.getElementById("charts");
if (specs) {
  const charts = JSON.parse(specs.textContent);
  for (const box of document.querySelectorAll(".chart")) {
    const chart = charts[box.dataset.chart];
    if (chart.usermeta) box.style.minWidth = chart.usermeta.least + "px";
    vegaEmbed(box, chart, { mode: "vega-lite", renderer: "svg", actions: false, config, tooltip: { theme: "custom", disableDefaultStyle: true } })
      .then(() => box.setAttribute("data-drawn", ""));
  }
}

// On paper everything is open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = Array.from(document.querySelectorAll("details:not([open])"));
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
