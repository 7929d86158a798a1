"use strict";
// Texts of others are only ever set as text, never as HTML.
const $ = (selector, of = document) => of.querySelector(selector);
let token = sessionStorage.getItem("token") || "";
let facts = null;

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function complain(error, hint) {
  const shown = $("#problem");
  shown.hidden = !error;
  shown.textContent = error ? error + (hint ? " – " + hint : "") : "";
}

async function send(path, body, signal) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ error: "the server answered " + answer.status }));
  throw Object.assign(new Error(problem.error), { hint: problem.hint, status: answer.status });
}

async function ask(path, body) {
  return (await send(path, body)).json();
}

// Of requests while somebody types or draws, only the newest is shown, and one is under way at a time.
function newest(work) {
  let busy = false, again = false;
  return async function run() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await work(); } while (again);
      complain();
    } catch (error) { complain(error.message, error.hint); }
    busy = false;
    if (again) run();
  };
}

function submitted(section, work) {
  const run = newest(work);
  $("form", section).addEventListener("submit", (event) => { event.preventDefault(); run(); });
  return run;
}

const percent = (share) => (100 * share).toFixed(1) + " %";
const digits = (number) => String(Number(number.toPrecision(5)));

function decided(found) {
  return "class" in found ? `${found.class}, ${percent(found.probability)}` : `prediction ${digits(found.prediction)}`;
}

// The prediction after each step; `label(index)` is what a step is called.
function stepTable(found, label) {
  const reading = found.readings[0], of = reading.probabilities && reading.probabilities[found.class];
  const values = of || reading.predictions, table = make("table", undefined, "steps");
  const head = table.createTHead().insertRow();
  for (const name of ["read so far", "", of ? `p(${found.class})` : "prediction"]) {
    const cell = make("th", name); cell.scope = "col"; head.append(cell);
  }
  const body = table.createTBody(), low = Math.min(...values), high = Math.max(...values);
  values.forEach((value, index) => {
    const row = body.insertRow(), name = make("th"); name.scope = "row"; name.append(label(index)); row.append(name);
    const meter = make("meter");
    meter.min = of ? 0 : low; meter.max = of ? 1 : high > low ? high : low + 1; meter.value = value;
    meter.setAttribute("aria-hidden", "true");
    row.insertCell().append(meter);
    row.append(make("td", of ? percent(value) : digits(value)));
  });
  return table;
}

function texts(section) {
  const area = $("textarea", section);
  const run = submitted(section, async () => {
    const text = area.value, answer = $(".answer", section), words = $(".reading", section), after = $(".after", section);
    if (!text.trim()) { answer.textContent = ""; words.replaceChildren(); after.replaceChildren(); return; }
    const found = await ask("explain", { text, gates: false });
    answer.textContent = decided(found);
    const changes = found.readings[0].changes, most = Math.max(...changes.map((one) => Math.abs(one || 0))) || 1;
    words.replaceChildren(...found.steps.flatMap((step, index) => {
      const change = changes[index] || 0, word = make("span", step, change > 0 ? "for" : "against");
      word.style.setProperty("--share", Math.abs(change) / most);
      return [word, " "];
    }));
    after.replaceChildren(stepTable(found, (index) => document.createTextNode(found.steps[index])));
  });
  area.addEventListener("input", run);
  area.focus();
}

function pictures(section) {
  const size = facts.steps, wide = facts.features, pad = $("#drawn"), pen = pad.getContext("2d", { willReadFrequently: true });
  const small = $("#read"), eye = small.getContext("2d", { willReadFrequently: true });
  small.width = wide; small.height = size;
  const clear = () => { pen.fillStyle = "#fff"; pen.fillRect(0, 0, 280, 280); };
  clear();
  // The ink is scaled into the middle: pictures of 28 rows have a margin of 4, as those of MNIST.
  function seen() {
    const ink = pen.getImageData(0, 0, 280, 280).data;
    let left = 280, right = -1, top = 280, bottom = -1;
    for (let y = 0; y < 280; y++) for (let x = 0; x < 280; x++) if (ink[4 * (y * 280 + x)] < 128) {
      left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
    }
    if (right < 0) return null;
    const margin = size >= 20 ? 4 : 0, w = right - left + 1, h = bottom - top + 1;
    const scale = Math.min((size - 2 * margin) / h, (wide - 2 * margin) / w);
    eye.fillStyle = "#fff"; eye.fillRect(0, 0, wide, size);
    eye.imageSmoothingQuality = "high";
    eye.drawImage(pad, left, top, w, h, (wide - w * scale) / 2, (size - h * scale) / 2, w * scale, h * scale);
    const data = eye.getImageData(0, 0, wide, size).data;
    return Array.from({ length: size }, (_, y) => Array.from({ length: wide }, (_, x) => (1 - data[4 * (y * wide + x)] / 255) * facts.full_pixel));
  }
  const run = newest(async () => {
    const example = seen(), answer = $(".answer", section), after = $(".after", section);
    if (!example) { answer.textContent = ""; after.replaceChildren(); eye.clearRect(0, 0, wide, size); return; }
    const found = await ask("explain", { example, gates: false });
    answer.textContent = decided(found);
    after.replaceChildren(stepTable(found, (index) => {
      const row = make("span", undefined, "pixels");
      row.setAttribute("aria-label", "row " + (index + 1));
      for (const pixel of example[index]) {
        const dot = make("i"); dot.style.setProperty("--share", pixel / facts.full_pixel); row.append(dot);
      }
      return row;
    }));
  });
  let last = null;
  function line(from, to) {
    pen.lineWidth = 22; pen.lineCap = "round"; pen.strokeStyle = "#000";
    pen.beginPath(); pen.moveTo(from.x, from.y); pen.lineTo(to.x + 0.1, to.y); pen.stroke();
    run();
  }
  const place = (event) => {
    const box = pad.getBoundingClientRect();
    return { x: (event.clientX - box.left) * 280 / box.width, y: (event.clientY - box.top) * 280 / box.height };
  };
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); last = place(event); line(last, last); });
  pad.addEventListener("pointermove", (event) => { if (last) { const now = place(event); line(last, now); last = now; } });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { last = null; });
  let at = { x: 140, y: 40 }, drawing = false;
  pad.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
    if (event.key === " ") { drawing = !drawing; if (drawing) line(at, at); event.preventDefault(); }
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [dx, dy] = moves[event.key];
    const to = { x: Math.min(Math.max(at.x + dx, 0), 280), y: Math.min(Math.max(at.y + dy, 0), 280) };
    if (drawing) line(at, to);
    at = to;
  });
  $("[name=clear]", section).addEventListener("click", () => { clear(); run(); });
}

function writing(section) {
  const form = $("form", section), shown = $(".passage", section), stop = form.elements.stop;
  form.elements.temperature.addEventListener("input", () => { form.elements.shown.value = Number(form.elements.temperature.value).toFixed(1); });
  let control = null;
  stop.addEventListener("click", () => control && control.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (control) control.abort();
    const mine = control = new AbortController(), of = form.elements, beginning = of.beginning.value;
    stop.disabled = false;
    shown.replaceChildren(beginning);
    complain();
    try {
      const body = { beginning, temperature: Number(of.temperature.value), length: Number(of.tokens.value), seed: Number(of.seed.value), stream: true };
      const reader = (await send("generate", body, mine.signal)).body.pipeThrough(new TextDecoderStream()).getReader();
      let left = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (left + value).split("\n");
        left = lines.pop();
        for (const one of lines.map((text) => JSON.parse(text))) {
          const piece = make("span", one.piece, "against");
          piece.title = percent(one.probability);
          piece.style.setProperty("--share", 0.6 * (1 - one.probability) ** 2);
          shown.append(piece);
        }
      }
    } catch (error) { if (error.name !== "AbortError") complain(error.message, error.hint); }
    if (control === mine) { control = null; stop.disabled = true; }
  });
}

function translation(section) {
  submitted(section, async () => {
    const found = await ask("explain", { text: $("textarea", section).value });
    $(".answer", section).textContent = found.translation;
    const table = make("table", undefined, "attention"), head = table.createTHead().insertRow();
    head.append(make("th"), make("th", "p"));
    if (found.steps[0].attention) for (const token of found.read) head.append(make("th", token === "<start>" ? "·" : token));
    const body = table.createTBody();
    for (const step of found.steps) {
      const row = body.insertRow(), name = make("th", step.token); name.scope = "row";
      row.append(name, make("td", percent(step.probability), "p"));
      for (const share of step.attention || []) {
        const cell = row.insertCell(); cell.style.setProperty("--share", share); cell.title = percent(share);
      }
    }
    $(".after", section).replaceChildren(table);
  });
}

function series(section) {
  const form = $("form", section);
  $(".rows", section).hidden = !facts.reads_rows;
  submitted(section, async () => {
    const body = {}, written = form.elements.rows.value.trim();
    if (form.elements.steps.value) body.steps = Number(form.elements.steps.value);
    if (written) {
      const [names, ...rows] = written.split("\n").map((line) => line.split(/[,;\t]/).map((cell) => cell.trim()));
      body.rows = rows.map((cells) => Object.fromEntries(names.map((name, index) => [name, cells[index] ?? null])));
    }
    const { forecasts } = await ask("forecast", body), table = make("table", undefined, "numbers");
    const head = table.createTHead().insertRow();
    for (const name of Object.keys(forecasts[0])) head.append(make("th", name.replace("_", " ")));
    const rows = table.createTBody();
    for (const one of forecasts) {
      const row = rows.insertRow();
      for (const value of Object.values(one)) row.append(make("td", typeof value === "number" ? digits(value) : value));
    }
    $(".after", section).replaceChildren(table);
  });
}

function sequences(section) {
  submitted(section, async () => {
    const lines = $("textarea", section).value.trim().split("\n");
    const example = lines.map((line) => line.trim().split(/[\s,;]+/).map(Number));
    const found = await ask("explain", { example, gates: false });
    $(".answer", section).textContent = decided(found);
    $(".after", section).replaceChildren(stepTable(found, (index) => document.createTextNode("step " + (index + 1))));
  });
}

const KINDS = { texts, pictures, writing, translation, series, sequences };

async function open() {
  try { facts = await ask("run"); } catch (error) {
    $("#login").hidden = error.status !== 401;
    if (error.status === 401) $("#login [name=token]").focus();
    if (error.status !== 401 || token) complain(error.message, error.hint);
    return;
  }
  sessionStorage.setItem("token", token);
  complain();
  $("#login").hidden = true;
  document.title = facts.run + " – seqtrain serve";
  const [name, time] = facts.run.split("/");
  $("#name").textContent = name;
  const labels = facts.classes && facts.classes.length ? ": " + facts.classes.join(", ") : "";
  $("#does").textContent = `${facts.task.replaceAll("_", " ")}${labels} · ${time || ""}`;
  const section = document.getElementById(facts.kind);
  section.hidden = false;
  KINDS[facts.kind](section);
}

// A link sends no token, so where one is asked for, the description is fetched and saved.
$("footer a").addEventListener("click", async (event) => {
  if (!token) return;
  event.preventDefault();
  try {
    const file = make("a");
    file.href = URL.createObjectURL(await (await send("openapi.json")).blob());
    file.download = "openapi.json";
    file.click();
  } catch (error) { complain(error.message, error.hint); }
});

$("#login form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("#login [name=token]").value.trim();
  open();
});
open();
