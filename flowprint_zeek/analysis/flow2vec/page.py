"""A picture as one HTML page that needs nothing else: no network, no library.

Tokens and labels come from traffic and are hostile. They stand in the page as JSON in which ``<``,
``>`` and ``&`` are written as escapes, and reach the reader as text only, never as markup; the page
forbids itself to load or to send anything.
"""

from __future__ import annotations

import json
from html import escape
from string import Template
from typing import TYPE_CHECKING

from flowprint_zeek.aside import replacing
from flowprint_zeek.core.elements import printable

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.flow2vec.picture import Picture

_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
* { box-sizing: border-box; }
body { margin: 0; display: flex; height: 100vh; font: 14px/1.4 system-ui, sans-serif;
 color: #222; background: #fff; }
#plot { flex: 1; min-width: 0; position: relative; overflow: hidden; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; cursor: grab; }
aside { width: 19em; padding: 1em; overflow: auto; border-left: 1px solid #ddd; }
h1 { font-size: 1.1em; margin: 0 0 .3em; overflow-wrap: anywhere; }
p { margin: 0 0 1em; color: #555; }
input { width: 100%; padding: .4em; margin-bottom: 1em; font: inherit; }
#legend button { display: flex; gap: .5em; align-items: baseline; width: 100%; border: 0;
 background: none; padding: .15em 0; font: inherit; text-align: left; cursor: pointer; }
#legend button[aria-pressed=false] { opacity: .35; }
#legend i { flex: none; width: .8em; height: .8em; border-radius: 50%; }
#legend span { overflow-wrap: anywhere; }
#tip { position: absolute; display: none; max-width: 32em; padding: .4em .6em; background: #222;
 color: #fff; border-radius: .3em; pointer-events: none; overflow-wrap: anywhere;
 white-space: pre-line; }
</style>
</head>
<body>
<main id="plot"><canvas id="canvas" aria-label="$title"></canvas><div id="tip"></div></main>
<aside>
<h1>$title</h1>
<p>Wheel zooms, dragging moves, a double click shows all again. Click a name to hide it.</p>
<input id="find" type="search" placeholder="find tokens" aria-label="find tokens">
<div id="legend"></div>
</aside>
<script id="data" type="application/json">$data</script>
<script>
$script
</script>
</body>
</html>
""")

_SCRIPT = """"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("canvas"), tip = document.getElementById("tip");
const find = document.getElementById("find"), pen = canvas.getContext("2d");
const n = data.tokens.length, hidden = data.groups.map(() => false);
let zoom = 1, dx = 0, dy = 0, wanted = "", drag = null, queued = false;

function scale() { return 0.46 * Math.min(canvas.clientWidth, canvas.clientHeight) * zoom; }
function place(at) {
  return [canvas.clientWidth / 2 + dx + data.x[at] * scale(),
          canvas.clientHeight / 2 + dy - data.y[at] * scale()];
}
function radius(at) { return 2.5 + Math.log10(data.counts[at]); }
function found(at) { return data.tokens[at].includes(wanted) || data.labels[at].includes(wanted); }
function draw() {
  queued = false;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  pen.scale(ratio, ratio);
  // What has no colour of its own is drawn first.
  for (let group = data.groups.length - 1; group >= 0; group--) {
    if (hidden[group]) continue;
    pen.fillStyle = data.groups[group].colour;
    for (let at = 0; at < n; at++) {
      if (data.group[at] !== group) continue;
      const [x, y] = place(at);
      pen.globalAlpha = wanted && !found(at) ? 0.1 : 0.85;
      pen.beginPath();
      pen.arc(x, y, radius(at), 0, 2 * Math.PI);
      pen.fill();
    }
  }
}
function redraw() { if (!queued) { queued = true; requestAnimationFrame(draw); } }
function nearest(px, py) {
  let best = -1, least = 100;
  for (let at = 0; at < n; at++) {
    if (hidden[data.group[at]]) continue;
    const [x, y] = place(at), away = (x - px) ** 2 + (y - py) ** 2;
    if (away < least) { least = away; best = at; }
  }
  return best;
}
function show(event) {
  const box = canvas.getBoundingClientRect();
  const px = event.clientX - box.left, py = event.clientY - box.top, at = nearest(px, py);
  tip.style.display = at < 0 ? "none" : "block";
  if (at < 0) return;
  const lines = [data.tokens[at], data.counts[at] + " flows"];
  if (data.labels[at]) lines.push("label: " + data.labels[at]);
  if (data.groups[data.group[at]].name !== data.labels[at])
    lines.push(data.groups[data.group[at]].name);
  tip.textContent = lines.join("\\n");
  tip.style.left = Math.min(px + 12, Math.max(0, box.width - tip.offsetWidth - 4)) + "px";
  tip.style.top = Math.min(py + 12, Math.max(0, box.height - tip.offsetHeight - 4)) + "px";
}
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect(), factor = Math.exp(-event.deltaY / 500);
  const px = event.clientX - box.left - box.width / 2;
  const py = event.clientY - box.top - box.height / 2;
  const next = Math.min(Math.max(zoom * factor, 0.5), 500), by = next / zoom;
  dx = px - (px - dx) * by;
  dy = py - (py - dy) * by;
  zoom = next;
  redraw();
}, { passive: false });
canvas.addEventListener("pointerdown", event => {
  drag = [event.clientX - dx, event.clientY - dy];
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", event => {
  if (drag === null) { show(event); return; }
  dx = event.clientX - drag[0];
  dy = event.clientY - drag[1];
  tip.style.display = "none";
  redraw();
});
canvas.addEventListener("pointerup", () => { drag = null; });
canvas.addEventListener("pointerleave", () => { tip.style.display = "none"; });
canvas.addEventListener("dblclick", () => { zoom = 1; dx = dy = 0; redraw(); });
find.addEventListener("input", () => { wanted = find.value; redraw(); });
window.addEventListener("resize", redraw);
data.groups.forEach((group, at) => {
  const button = document.createElement("button"), dot = document.createElement("i");
  const name = document.createElement("span");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  dot.style.background = group.colour;
  name.textContent = group.name + " (" + group.size + ")";
  button.append(dot, name);
  button.addEventListener("click", () => {
    hidden[at] = !hidden[at];
    button.setAttribute("aria-pressed", String(!hidden[at]));
    redraw();
  });
  document.getElementById("legend").append(button);
});
draw();"""


def html(picture: Picture, title: str) -> str:
    """Return a picture as a page.

    Parameters
    ----------
    picture : Picture
        Points, with labels.
    title : str
        What stands over it.
    """
    data = {
        "tokens": picture.tokens,
        "labels": [printable(label) for label in picture.labels],
        "counts": picture.counts.tolist(),
        "x": picture.places[:, 0].round(5).tolist(),
        "y": picture.places[:, 1].round(5).tolist(),
        "group": picture.group.tolist(),
        "groups": [
            {"name": printable(one.name), "colour": one.colour, "size": one.size}
            for one in picture.groups
        ],
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).translate(_MARKUP)
    return _PAGE.substitute(title=escape(printable(title)), data=text, script=_SCRIPT)


def write_html(path: Path, picture: Picture, title: str) -> None:
    """Write a picture as a page, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was.
    """
    with replacing(path) as file:
        file.write(html(picture, title).encode())
