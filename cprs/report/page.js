"use strict";
const kept = document.getElementsByTagName("mark");
const byId = (id) => document.getElementById(id);
let at = -1;

byId("controls").hidden = false; // useless without this script

function go(step) {
  if (!kept.length) return;
  if (at >= 0) kept[at].classList.remove("here");
  at = Math.max(0, Math.min(kept.length - 1, at + step));
  kept[at].classList.add("here");
  kept[at].scrollIntoView({ block: "center" });
}

byId("next").addEventListener("click", () => go(1));
byId("previous").addEventListener("click", () => go(-1));
byId("open").addEventListener("click", (event) => {
  const open = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(open));
  event.currentTarget.textContent = open ? "Fold dropped text" : "Show dropped text";
  for (const gap of document.querySelectorAll("details.gap")) gap.open = open;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j") go(1);
  if (event.key === "k") go(-1);
});
