"use strict";
// Hover and focus show the edges of a node; search, zoom and keys work without a mouse.
const view = document.getElementById("view");
const svg = view.querySelector("svg");
const nodes = [...svg.querySelectorAll(".node")];
const links = [...svg.querySelectorAll(".link")];
const search = document.getElementById("search");
const found = document.getElementById("found");
const width = Number(svg.getAttribute("width"));
const height = Number(svg.getAttribute("height"));
let scale = 1;
let current = -1;

const numberOf = (node) => node.id.slice(1);

function show(node) {
  for (const one of [...nodes, ...links]) one.classList.remove("dim", "near");
  if (!node) return;
  const number = numberOf(node);
  const near = new Set([number]);
  for (const link of links) {
    const { from, to } = link.dataset;
    const touches = from === number || to === number;
    link.classList.toggle("near", touches);
    link.classList.toggle("dim", !touches);
    if (touches) near.add(from).add(to);
  }
  for (const one of nodes) one.classList.toggle("dim", !near.has(numberOf(one)));
}

function zoom(to) {
  const middle = [(view.scrollLeft + view.clientWidth / 2) / scale, (view.scrollTop + view.clientHeight / 2) / scale];
  scale = Math.min(4, Math.max(0.05, to));
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", height * scale);
  view.scrollTo(middle[0] * scale - view.clientWidth / 2, middle[1] * scale - view.clientHeight / 2);
  document.getElementById("scale").textContent = `${Math.round(scale * 100)} %`;
}

const fit = () => zoom(Math.min(view.clientWidth / width, view.clientHeight / height, 1));

function go(node) {
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "center", inline: "center" });
}

function matches() {
  const wanted = search.value.trim().toLowerCase();
  return wanted ? nodes.filter((one) => one.getAttribute("aria-label").toLowerCase().includes(wanted)) : [];
}

function look() {
  const all = matches();
  current = -1;
  for (const one of nodes) one.classList.toggle("found", all.includes(one));
  found.textContent = search.value.trim() ? `${all.length} found` : "";
}

// The nearest node in a direction; distance across counts double.
function beside(node, dx, dy) {
  const here = node.getBoundingClientRect();
  let best = null;
  let least = Infinity;
  for (const one of nodes) {
    const there = one.getBoundingClientRect();
    const x = there.x + there.width / 2 - here.x - here.width / 2;
    const y = there.y + there.height / 2 - here.y - here.height / 2;
    const along = x * dx + y * dy;
    if (one === node || along <= 1) continue;
    const distance = along + 2 * Math.abs(dx ? y : x);
    if (distance < least) [best, least] = [one, distance];
  }
  return best;
}

for (const node of nodes) {
  node.addEventListener("mouseenter", () => show(node));
  node.addEventListener("mouseleave", () => show(document.activeElement.closest?.(".node")));
  node.addEventListener("focus", () => show(node));
  node.addEventListener("blur", () => show(null));
}
search.addEventListener("input", look);
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const all = matches();
  if (!all.length) return;
  current = (current + 1) % all.length;
  const next = current;
  go(all[next]);
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => zoom(scale * 1.25));
document.getElementById("out").addEventListener("click", () => zoom(scale / 1.25));
document.getElementById("fit").addEventListener("click", fit);
view.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
}, { passive: false });

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { search.value = ""; look(); document.activeElement.blur(); return; }
  if (document.activeElement === search) return;
  const node = document.activeElement.closest?.(".node");
  const arrow = ARROWS[event.key];
  if (arrow && (node || nodes.length)) {
    const next = node ? beside(node, ...arrow) : nodes[0];
    if (next) go(next);
  } else if (event.key === "/") search.focus();
  else if (event.key === "+" || event.key === "=") zoom(scale * 1.25);
  else if (event.key === "-") zoom(scale / 1.25);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
});
fit();
