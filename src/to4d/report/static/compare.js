// Sorts tables and plays videos.
"use strict";

/** A cell's number, or its text; an empty one comes last either way. */
function key(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  if (text === "" || text === "-") return null;
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function order(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const bigger = typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b)) : a - b;
  return down ? -bigger : bigger;
}

/** Rows by a column: upwards, downwards, upwards ... */
function sort(head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = head.closest("table").tBodies[0];
  const rows = [...body.rows].sort((a, b) => order(key(a, head.cellIndex), key(b, head.cellIndex), down));
  body.append(...rows);
}

for (const button of document.querySelectorAll(".sort"))
  button.addEventListener("click", () => sort(button.closest("th")));

const videos = [...document.querySelectorAll(".view video")];
const button = document.getElementById("videos");
button.disabled = !videos.length;
button.addEventListener("click", () => {
  const playing = button.getAttribute("aria-pressed") !== "true";
  button.textContent = playing ? "Pause" : "Play";
  button.setAttribute("aria-pressed", playing);
  for (const video of videos) {
    if (!playing) video.pause();
    else {
      video.currentTime = 0; // all start together
      video.play().catch(() => {});
    }
  }
});
