"use strict";

// Colours come from the style sheet, so that one place decides what light and dark look like.
function palette() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

function number(value) {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : value.toFixed(4);
}

// The time at a place of the horizontal axis, if it is one of times.
function time(chart, place) {
  return chart.times.length ? chart.times[Math.round(place)] ?? "" : undefined;
}

// The tooltip is built from nodes and never from HTML: names are what a person called things.
function tooltip(chart, points) {
  const box = document.createElement("div");
  box.className = "tip";
  const head = box.appendChild(document.createElement("b"));
  head.textContent = `${chart.x} ${time(chart, points[0].value[0]) ?? number(points[0].value[0])}`;
  for (const point of points) {
    const row = box.appendChild(document.createElement("div"));
    row.appendChild(document.createElement("i")).style.background = point.color;
    row.appendChild(document.createElement("span")).textContent = point.seriesName;
    row.appendChild(document.createElement("span")).textContent = number(point.value[1]);
  }
  return box;
}

// The ticks of a logarithmic axis, which are powers of ten.
function power(value) {
  return value < 0.01 || value >= 1e4 ? value.toExponential(0) : String(value);
}

function axis(name, colour, more) {
  const { labels, ...rest } = more;
  const formatter = more.type === "log" ? power : undefined;
  return {
    type: "value", name, nameLocation: "middle", nameTextStyle: { color: colour("soft") },
    axisLabel: { color: colour("soft"), hideOverlap: true, formatter, ...labels }, axisLine: { lineStyle: { color: colour("line") } },
    splitLine: { lineStyle: { color: colour("line") } }, ...rest,
  };
}

// The name of a point runs to the side on which there is room.
function side(line) {
  const last = line.points.length - 1;
  return line.mark.at[0] - line.points[0][0] > 0.6 * (line.points[last][0] - line.points[0][0]) ? "right" : "left";
}

// Guides, and the seeds behind a mean, say nothing of their own.
function inBackground(line) {
  return line.dash === "dotted" || line.faint || line.band;
}

// An area is what is stacked on its lower end.
function band(line, own, number) {
  const invisible = { type: "line", animation: false, silent: true, showSymbol: false, z: 1, lineStyle: { opacity: 0 },
    stack: `band ${number}`, stackStrategy: "all", tooltip: { show: false }, emphasis: { disabled: true } };
  return [
    { ...invisible, data: line.points.map(([x, low]) => [x, low]) },
    { ...invisible, name: line.name, data: line.points.map(([x, low, high]) => [x, high - low]), color: own,
      itemStyle: { color: own, opacity: 0.3 }, areaStyle: { color: own, opacity: 0.2 } },
  ];
}

function series(line, colour, chart, place) {
  const own = colour(line.colour === null ? "grey" : `c${line.colour}`);
  if (line.band) return band(line, own, place);
  if (line.dash === "none") {
    return { type: "scatter", name: line.name, data: line.points, color: own, symbolSize: 5, animation: false,
      itemStyle: { color: own, opacity: 0.5 }, emphasis: { disabled: true } };
  }
  const behind = inBackground(line);
  const dotless = behind || (chart.times.length > 0 && line.points.length > 1);
  return {
    type: "line", name: line.name, data: line.points, color: own, animation: false, z: line.faint ? 1 : 2,
    lineStyle: { color: own, width: line.faint ? 1 : 2, opacity: line.faint ? 0.35 : 1, type: line.dash }, itemStyle: { color: own },
    showSymbol: line.points.length < 40, symbol: "circle", symbolSize: dotless ? 0 : 5,
    silent: behind, tooltip: { show: !behind }, emphasis: { disabled: true },
    markPoint: line.mark && {
      data: [{ coord: line.mark.at }], symbol: "circle", symbolSize: 13, silent: true, animation: false,
      itemStyle: { color: "transparent", borderColor: own, borderWidth: 2 },
      label: { show: true, formatter: line.mark.text, position: chart.high === null ? "top" : "bottom", align: side(line), color: colour("ink"), fontSize: 11,
        textBorderColor: colour("card"), textBorderWidth: 3 },
    },
  };
}

// Steps and epochs are whole, and fill the axis; other numbers get round ends.
function ticks(chart) {
  const whole = chart.lines.every((line) => line.points.every((point) => Number.isInteger(point[0])));
  return whole ? { min: "dataMin", max: "dataMax", minInterval: 1 } : { scale: true };
}

// Three times, of which none is so near to an end that it would be cut.
function dates(chart) {
  const customValues = [1, 3, 5].map((part) => Math.round((part / 6) * (chart.times.length - 1)));
  return { min: "dataMin", max: "dataMax", axisTick: { customValues },
    labels: { customValues, formatter: (place) => time(chart, place) } };
}

function option(chart, colour) {
  const ends = chart.shares ? { min: 0, max: 1 } : {};
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 46, right: 14, top: 26, bottom: 74, containLabel: false },
    legend: { data: [...new Map(chart.lines.map((line) => [line.name, { name: line.name, icon: line.band ? "roundRect" : undefined }])).values()].filter((one) => one.name),
      bottom: 0, type: "scroll", textStyle: { color: colour("ink") }, pageTextStyle: { color: colour("soft") },
      pageIconColor: colour("accent"), inactiveColor: colour("grey"), itemWidth: 34, itemHeight: 8 },
    tooltip: {
      trigger: "axis", confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
      textStyle: { color: colour("ink"), fontSize: 13 }, axisPointer: { lineStyle: { color: colour("grey") } },
      formatter: (points) => tooltip(chart, points.filter((point) => point.seriesName !== undefined)),
    },
    xAxis: axis(chart.x, colour, { nameGap: 24, ...(chart.shares ? ends : chart.times.length ? dates(chart) : ticks(chart)) }),
    yAxis: axis(chart.y, colour, { type: chart.log ? "log" : "value", nameGap: 34, scale: chart.low === null, min: chart.low ?? undefined, max: chart.high ?? undefined, ...ends }),
    series: chart.lines.flatMap((line, place) => series(line, colour, chart, place)),
  };
}

function draw(figure) {
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const place = figure.querySelector(".drawing");
  const drawn = echarts.init(place, null, { renderer: "svg" });
  if (chart.group) drawn.group = chart.group;
  const paint = () => drawn.setOption(option(chart, palette()), true);
  paint();
  walk(place, drawn, chart);
  new ResizeObserver(() => drawn.resize()).observe(place);
  return { drawn, paint };
}

// The arrow keys move the tooltip as the mouse does.
function walk(place, drawn, chart) {
  const line = chart.lines.findIndex((one) => !inBackground(one));
  let at = -1;
  place.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    at = Math.min(Math.max(at + step, 0), chart.lines[line].points.length - 1);
    drawn.dispatchAction({ type: "showTip", seriesIndex: line, dataIndex: at });
  });
  place.addEventListener("blur", () => drawn.dispatchAction({ type: "hideTip" }));
}

function charts() {
  const all = [...document.querySelectorAll("figure.chart")].map(draw);
  echarts.connect("epochs");
  const repaint = () => all.forEach((one) => one.paint());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  // Paper is light, and narrower than most windows.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.printing = "";
    all.forEach(({ drawn, paint }) => { paint(); drawn.resize({ width: 340, height: 250 }); drawn.getZr().flush(); });
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.printing;
    all.forEach(({ drawn, paint }) => { paint(); drawn.resize({ width: "auto", height: "auto" }); });
  });
}

// A click on a count of a confusion matrix leaves the mistakes behind it.
function confusion(box) {
  const buttons = [...box.querySelectorAll("button[data-cell]")];
  const rows = [...box.querySelectorAll("tr[data-cell]")];
  const which = box.querySelector(".which b");
  const all = box.querySelector(".all");
  if (!which) return;
  const first = which.textContent;
  const show = (chosen) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
    for (const row of rows) row.hidden = Boolean(chosen) && row.dataset.cell !== chosen.dataset.cell;
    which.textContent = chosen ? chosen.parentElement.title : first;
    all.hidden = !chosen;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      show(button);
      box.querySelector(".behind").scrollIntoView({ block: "nearest" });
    });
  }
  all.addEventListener("click", () => show(null));
}

async function copy(button) {
  const text = button.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "selected";
  }
  setTimeout(() => { button.textContent = "copy"; }, 1500);
}

charts();
document.querySelectorAll(".confusion").forEach(confusion);
document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));
