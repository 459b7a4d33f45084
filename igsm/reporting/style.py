"""Style sheet and script of the report page; inside the page, so that it needs no network."""

STYLE = """
:root { color-scheme: light; --line: #d8d8d4; --dim: #5c5c58; --back: #fbfbf9; --wrong: #fbdcd6; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(.8rem, 3vw, 2.5rem) 4rem; max-width: 100rem;
  background: var(--back); color: #1c1c1a;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .6rem 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p, li { max-width: 52rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .9rem; }
a { color: #1f5a94; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: #fff; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { padding: .35rem .55rem; text-align: right; vertical-align: top; border-bottom: 1px solid #ecece8;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; z-index: 1;
  border-right: 1px solid var(--line); white-space: normal; min-width: 7.5rem; max-width: 16rem; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid #1f5a94; }
th button::after { content: " \\2195"; color: #b0b0aa; }
th[aria-sort=ascending] button::after { content: " \\2191"; color: #1c1c1a; }
th[aria-sort=descending] button::after { content: " \\2193"; color: #1c1c1a; }
small { display: block; color: var(--dim); font-size: .74rem; line-height: 1.35; }
td b { font-weight: 600; }
.floor td { color: var(--dim); font-style: italic; }
figure { margin: .6rem 0; }
figure img { max-width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: 6px; }
.wide { overflow-x: auto; }
.wide img { max-width: none; width: max(100%, min(var(--width), 62rem)); }
details { border: 1px solid var(--line); border-radius: 6px; background: #fff; margin: .5rem 0;
  padding: .5rem .8rem; }
summary { cursor: pointer; }
.solution { overflow-wrap: anywhere; }
.solution s { color: #8a8a84; }
.solution mark { background: var(--wrong); }
ul.notes { color: var(--dim); font-size: .85rem; padding-left: 1.1rem; }
@media (max-width: 40rem) { body { font-size: 14px; } th:first-child, td:first-child { min-width: 6rem;
  max-width: 8rem; } }
"""

SCRIPT = """
document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    head.querySelector("button").addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var body = table.tBodies[0];
      var key = function (line) { return line.cells[column].dataset.value || ""; };
      var lines = Array.from(body.rows);
      var numeric = lines.every(function (line) { return key(line) === "" || !isNaN(Number(key(line))); });
      lines.sort(function (first, second) {
        var a = key(first), b = key(second);
        if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
        var order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
        return down ? -order : order;
      });
      lines.forEach(function (line) { body.appendChild(line); });
    });
  });
});
"""
