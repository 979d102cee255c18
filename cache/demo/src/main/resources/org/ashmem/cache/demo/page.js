// SPDX-License-Identifier: Apache-2.0
// Asks the server for its figures twice a second and draws them.
"use strict";

const SECONDS = 60;
const element = id => document.getElementById(id);
const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const clock = seconds => new Date(seconds * 1000).toTimeString().slice(0, 8);
const whole = value => value == null ? "" : Math.round(value).toLocaleString("en");

let live = null;

// Text is set, never HTML: a value and its unit
function show(id, value, unit) {
  const small = document.createElement("small");
  small.textContent = " " + unit;
  element(id).replaceChildren(value, small);
}

// A series whose legend has the value that was measured, also where the line is a sum
function series(label, column, stroke, more = {}) {
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    value: (chart, drawn, number, index) => live ? whole(live[column][index ?? live.time.length - 1]) : "",
    ...more,
  };
}

const area = (label, column, name, shade) => series(label, column, colour(name), { fill: shade });

// What happened, as lines in a chart
function drawEvents(chart) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px sans-serif`;
  for (const event of live ? live.events : []) {
    const x = chart.valToPos(event.time, "x", true);
    if (event.kind !== "killed" || x < bbox.left || x > bbox.left + bbox.width) {
      continue;
    }
    ctx.strokeStyle = ctx.fillStyle = colour("peer");
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = x > bbox.left + bbox.width / 2 ? "right" : "left";
    ctx.fillText(" killed by the kernel ", x, bbox.top + bbox.height - 8 * devicePixelRatio);
  }
  ctx.restore();
}

const axis = more => ({
  stroke: colour("soft"),
  grid: { stroke: colour("line"), width: 1 },
  ticks: { stroke: colour("line"), width: 1, size: 5 },
  font: "12px sans-serif",
  size: 46,
  ...more,
});

const time = axis({
  size: 28,
  space: 80,
  values: (chart, ticks) => ticks.map(tick => clock(tick)),
});

function chart(id, height, scales, axes, columns) {
  const place = element(id);
  const made = new uPlot({
    width: place.clientWidth,
    height,
    scales: { x: { time: true, range: () => [live.now - SECONDS, live.now] }, ...scales },
    axes: [time, ...axes],
    series: [{ label: "Time", value: (self, value) => clock(value ?? live.now) }, ...columns],
    legend: { markers: { width: 2 } },
    cursor: { sync: { key: "time" }, drag: { x: false, y: false } },
    hooks: { draw: [drawEvents] },
  }, columns.reduce(data => [...data, []], [[]]), place);
  addEventListener("resize", () => made.setSize({ width: place.clientWidth, height }));
  return made;
}

function makeCharts() {
  const top = () => [0, live.container ? live.limit * 1.1 : Math.max(100, ...live.server) * 1.2];
  const memory = chart("memory", 270, { y: { range: top } }, [axis({})], [
    area("Peer", "peer", "peer", "#f0b9b9"),
    area("Neighbour", "neighbour", "neighbour", "#f8dca8"),
    area("Cache", "resident", "cache", "#a9d8cf"),
    area("Rest of the server", "rest", "soft", "#cfd8dd"),
    series("Given back", "givenBack", colour("given"), { dash: [6, 3] }),
    series("Usage", "usage", colour("ink"), { width: 1 }),
    series("Limit", "limits", colour("peer"), { width: 2 }),
  ]);
  const rates = chart("rates", 180, {
    "%": { range: [0, 100] },
    misses: { range: (self, low, high) => [0, Math.max(100, high * 1.1)] },
  }, [
    axis({ scale: "%", values: (self, ticks) => ticks.map(tick => tick + " %") }),
    axis({ scale: "misses", side: 1, grid: { show: false }, values: (self, ticks) => ticks.map(tick => tick + "/s") }),
  ], [
    series("Hit rate, %", "hitRate", colour("hits"), { scale: "%", width: 2 }),
    series("Misses a second", "misses", colour("neighbour"), { scale: "misses", fill: "#f8dca866" }),
  ]);
  return () => {
    const { time, rest, resident, neighbour, peer } = live;
    const sums = [rest];
    for (const column of [resident, neighbour, peer]) {
      const below = sums[sums.length - 1];
      sums.push(column.map((value, index) => value + below[index]));
    }
    memory.setData([time, ...sums.reverse(), live.givenBack, live.usage, live.limits]);
    rates.setData([time, live.hitRate, live.misses]);
  };
}

function showProcess(id, runs, said, killed) {
  const item = element(id);
  item.className = killed ? "killed" : runs ? "lives" : "";
  item.querySelector("span").textContent = said;
  item.querySelector("button").textContent = runs ? "Stop" : "Start";
}

function showFigures() {
  const last = column => live[column][live[column].length - 1];
  show("hit-rate", last("hitRate").toFixed(1), "%");
  show("misses", whole(last("misses")), "a second");
  show("resident", whole(last("resident")), "MiB");
  show("given", whole(last("givenBack")), "MiB");
  show("usage", live.container ? whole(last("usage")) : "none", live.container ? `of ${whole(live.limit)} MiB` : "");
  show("wrong", whole(live.wrong), `of ${whole(live.reads)}`);
  element("setting").textContent =
    `PurgeableCache on ${live.store}, at most ${whole(live.maximum)} MiB, in ` + (live.container
      ? `a container of ${whole(live.limit)} MiB`
      : "no container: nobody takes memory away here");
  showProcess("neighbour", live.neighbourRuns, !live.neighbourRuns ? "takes and frees 200 MiB"
    : live.neighbourMillis < 0 ? "begins" : `got 200 MiB in ${whole(live.neighbourMillis)} ms`);
  element("press-neighbour").disabled = false;
  showProcess("peer", live.peerRuns, live.peerRuns ? `holds ${whole(last("peer"))} of ${whole(live.peerCapacity)} MiB`
    : live.peerKilled ? "killed by the kernel"
    : live.container ? `will hold ${whole(live.peerCapacity)} MiB` : "needs a container", live.peerKilled);
  element("press-peer").disabled = !live.container;
  element("discard").hidden = live.container > 0;
  element("events").replaceChildren(...live.events.map(event => {
    const item = document.createElement("li");
    const when = document.createElement("time");
    item.className = event.kind;
    when.textContent = clock(event.time);
    item.append(when, event.text);
    return item;
  }));
}

// Tiles by fetch, as its answer says whether the cache had the tile
const Tiles = L.GridLayer.extend({
  createTile({ x, y, z }, done) {
    const tile = document.createElement("img");
    fetch(`tiles/${z}/${x}/${y}.bmp`).then(async answer => {
      tile.classList.add(answer.headers.get("X-Cache"));
      tile.onload = () => URL.revokeObjectURL(tile.src);
      tile.src = URL.createObjectURL(await answer.blob());
      done(null, tile);
    }).catch(problem => done(problem, tile));
    return tile;
  },
});

function makeMap() {
  const map = L.map("map", { crs: L.CRS.Simple, minZoom: 1, maxZoom: 40, attributionControl: false });
  const side = 128; // half of a tile's pixels, so that they are sharp on every screen
  const bounds = [[-side, 0], [0, side]];
  new Tiles({ bounds, tileSize: side, noWrap: true }).addTo(map);
  map.setView([-side / 2, side / 2], 1);
  map.setMaxBounds(bounds);
}

async function refresh(draw) {
  try {
    const answer = await (await fetch("live")).json();
    answer.now = answer.time[answer.time.length - 1];
    answer.rest = answer.server.map((value, index) => Math.max(0, value - answer.resident[index]));
    answer.limits = answer.time.map(() => answer.container ? answer.limit : null);
    live = answer;
    showFigures();
    draw = draw ?? makeCharts();
    draw();
    element("server").className = "lives";
    element("server").querySelector("span").textContent = "lives";
  } catch (problem) {
    console.error(problem);
    element("server").className = "killed";
    element("server").querySelector("span").textContent = "does not answer";
  }
  setTimeout(refresh, 500, draw);
}

for (const name of ["neighbour", "peer", "discard"]) {
  element("press-" + name).addEventListener("click", () => fetch(name, { method: "POST" }));
}
makeMap();
refresh(null);
