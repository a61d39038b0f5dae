// The last hours as measured and the next ones as planned, in kW at the grid connection: other load and the vehicles stacked
// on it under what the site may use, with the price of a kWh below. The bands are opaque, and drawn from the top down.
const HOURS = [-4, 20];
const HEIGHT = 320;
const PRICES_HEIGHT = 96;
const AXIS = 52;
const LINES = new Set(["line", "dash", "pv", "battery"]);

export class PlanChart {
  constructor(root, zone, chosen) {
    this.zone = zone;
    this.place = root.getElementById("chart");
    this.strip = root.getElementById("prices");
    this.legend = root.getElementById("legend");
    this.chosen = chosen;
    this.plots = [];
    this.shown = null;
    this.step = 0;
    this.clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    new ResizeObserver(() => this.fit()).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(plan, edges, bands, past, now) {
    this.shown = { plan, edges, bands, past, now };
    this.draw();
  }

  // Time goes on: the window moves, and the line of the present in it.
  at(now) {
    if (this.shown === null) return;
    this.shown.now = now;
    for (const plot of this.plots) plot.setScale("x", this.window());
  }

  mark(step) {
    this.step = step;
    for (const plot of this.plots) plot.redraw(false);
  }

  window() {
    return { min: this.shown.now + HOURS[0] * 3600, max: this.shown.now + HOURS[1] * 3600 };
  }

  draw() {
    if (this.shown === null) return;
    const { plan, edges, bands } = this.shown;
    const lines = linesOf(plan, edges, bands, this.shown.past);
    for (const plot of this.plots) plot.destroy();
    const colors = colorsOf(this.place);
    const series = lines.map((line) => looks(line, colors));
    this.plots = [new uPlot(this.options(HEIGHT, colors, series, true), [lines.at, ...lines.map((line) => line.kw)], this.place)];
    this.strip.hidden = plan.price_per_kwh.length === 0;
    if (!this.strip.hidden) {
      const prices = { stroke: colors("--price"), fill: colors("--price-soft"), width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } };
      const steps = [edges, [...plan.price_per_kwh, plan.price_per_kwh.at(-1)]];
      this.plots.push(new uPlot(this.options(PRICES_HEIGHT, colors, [prices], false), steps, this.strip));
    }
    for (const plot of this.plots) {
      plot.over.addEventListener("click", (event) => this.chosen(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x")));
    }
    this.name(lines);
  }

  options(height, colors, series, withTimes) {
    const font = `12px ${colors.font}`;
    const grid = { stroke: colors("--line"), width: 1 };
    const axis = { stroke: colors("--muted"), font, grid, ticks: grid };
    const values = (_, marks) => marks.map((seconds) => this.clock.format(new Date(seconds * 1000)));
    return {
      width: this.width(),
      height,
      padding: [10, 8, withTimes ? 0 : 6, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.zone),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: () => [this.window().min, this.window().max] },
        y: { range: (_, low, high) => [Math.min(0, low * 1.08), Math.max(withTimes ? 5 : 0.01, high * 1.08)] },
      },
      axes: [
        { ...axis, values, space: 56, ...(withTimes ? {} : { size: 6, values: () => [] }) },
        { ...axis, size: AXIS, ...(withTimes ? {} : { space: 24 }) },
      ],
      series: [{}, ...series],
      hooks: { drawClear: [(plot) => this.shade(plot, colors)], draw: [(plot) => this.present(plot, colors, withTimes)] },
    };
  }

  // The slot that is looked at.
  shade(plot, colors) {
    const { edges } = this.shown;
    const [from, to] = [edges[this.step], edges[this.step + 1]].map((x) => plot.valToPos(x, "x", true));
    const { left, width, top, height } = plot.bbox;
    const [begin, end] = [Math.max(from, left), Math.min(Math.max(to, from + 3), left + width)];
    if (end <= begin) return;
    plot.ctx.fillStyle = colors("--slot");
    plot.ctx.fillRect(begin, top, end - begin, height);
  }

  // Where the present is, and a frame around the slot, over what is drawn there.
  present(plot, colors, withWord) {
    const { ctx, bbox: { left, width, top, height } } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, width, top + height);
    ctx.clip();
    const { edges, now } = this.shown;
    const [from, to] = [edges[this.step], edges[this.step + 1]].map((x) => plot.valToPos(x, "x", true));
    ctx.strokeStyle = colors("--focus");
    ctx.lineWidth = 2 * ratio;
    ctx.strokeRect(from, top + ratio, Math.max(to - from, 3), height - 2 * ratio);
    const x = Math.round(plot.valToPos(now, "x", true));
    ctx.strokeStyle = colors("--ink");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    if (withWord) {
      ctx.fillStyle = colors("--ink");
      ctx.font = `600 ${12 * ratio}px ${colors.font}`;
      ctx.textAlign = "right";
      ctx.textBaseline = "top";
      ctx.fillText("now ", x, top + 2 * ratio);
    }
    ctx.restore();
  }

  name(lines) {
    const bands = lines.filter((line) => !LINES.has(line.key)).reverse();
    const entries = [...bands, ...lines.filter((line) => LINES.has(line.key))];
    this.legend.replaceChildren(...entries.map((line) => {
      const item = document.createElement("li");
      const sign = document.createElement("span");
      sign.className = `key ${line.key}`;
      const word = document.createElement("span");
      word.className = "foreign";
      word.textContent = line.name;
      item.append(sign, word);
      return item;
    }));
    if (!this.strip.hidden) {
      const item = document.createElement("li");
      const sign = document.createElement("span");
      sign.className = "key price";
      item.append(sign, `price, ${this.shown.plan.site.currency}/kWh`);
      this.legend.append(item);
    }
  }

  width() {
    return Math.max(240, Math.floor(this.place.clientWidth));
  }

  fit() {
    for (const plot of this.plots) {
      if (plot.width !== this.width()) plot.setSize({ width: this.width(), height: plot.height });
    }
  }
}

// Everything that is drawn, from the back to the front, on the same moments: those of the past and the edges of the steps.
function linesOf(plan, edges, bands, past) {
  const begins = edges[0];
  const circuit = past?.circuits[0];
  const volts = plan.site.voltage_v / 1000;
  const summed = (series) => past.at.map((_, k) => sum(Object.values(series).map((phase) => phase[k]), volts));
  const measured = past ? summed(circuit.measured_a) : [];
  const drawn = past ? summed(circuit.drawn_a) : [];
  const flowed = measured.map((kw, k) => kw ?? drawn[k]);
  const before = past ? past.at.findLastIndex((at) => at < begins) + 1 : 0;
  const at = past ? [...new Set([...past.at, ...edges])].sort((a, b) => a - b) : [...edges];
  const [kOf, stepOf] = [new Map((past?.at ?? []).map((x, k) => [x, k])), new Map(edges.map((x, k) => [x, k]))];
  const course = (ago, ahead) => {
    let step = null;
    return at.map((x) => {
      if (x < begins) return kOf.has(x) && kOf.get(x) < before ? ago(kOf.get(x)) : undefined;
      step = stepOf.get(x) ?? step;
      return step === null ? null : ahead(Math.min(step, edges.length - 2));
    });
  };
  const never = () => null;
  // What flowed is less by what PV and the battery gave; a plan tells other load without them, and so does the past.
  const besideAgo = (k) => ((past.pv_w[k] ?? 0) - (past.battery_w[k] ?? 0)) / 1000;
  const known = (series) => (k) => (series[k] ?? null) === null ? null : series[k] / 1000;
  let ground = [plan.base_w.length ? known(plan.base_w) : () => 0, (k) => (flowed[k] === null ? null : Math.max(0, flowed[k] - (drawn[k] ?? 0) + besideAgo(k)))];
  const lines = [{ key: "other", name: "other load", kw: course(ground[1], ground[0]) }];
  for (const band of bands) {
    const [below, earlier] = ground;
    const isRest = band.key === "rest";
    ground = [(k) => below(k) + band.watts[k] / 1000, (k) => (isRest && earlier(k) !== null ? earlier(k) + (drawn[k] ?? 0) : earlier(k))];
    if (band.charges.length || (isRest && past)) {
      const [ahead, ago] = ground;
      const name = isRest && !band.charges.length ? "vehicles as measured" : isRest && past ? `${band.name}; before now, all as measured` : band.name;
      lines.unshift({ key: band.key, name, kw: course(ago, ahead) });
    }
  }
  const has = (series) => series.some((watts) => watts !== null && watts !== 0);
  if (has(plan.limit_w)) {
    const beside = (k) => (plan.generation_w[k] ?? 0) - (plan.battery_w[k] ?? 0);
    const name = has(plan.generation_w) || has(plan.battery_w) ? "limit, with PV and battery" : "limit";
    lines.push({ key: "dash", name, kw: course(never, (k) => (plan.limit_w[k] === null ? null : (plan.limit_w[k] + beside(k)) / 1000)) });
  }
  for (const [key, name, planned, seen] of [
    ["pv", "PV", plan.generation_w, past?.pv_w ?? []],
    ["battery", "battery, charging above 0", plan.battery_w, past?.battery_w ?? []],
  ]) {
    if (has(planned) || has(seen)) lines.push({ key, name, kw: course(known(seen), known(planned)) });
  }
  if (measured.some((kw) => kw !== null)) {
    lines.push({ key: "line", name: "measured", kw: at.map((x) => (kOf.has(x) ? measured[kOf.get(x)] : x > past.at.at(-1) ? null : undefined)) });
  }
  return Object.assign(lines, { at });
}

function sum(amps, volts) {
  return amps.some((value) => value === null) ? null : volts * amps.reduce((total, value) => total + value, 0);
}

function looks({ key }, colors) {
  const stepped = { paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } };
  switch (key) {
    case "line": return { stroke: colors("--ink"), width: 1.5, points: { show: false } };
    case "dash": return { ...stepped, stroke: colors("--limit"), width: 2, dash: [6, 4] };
    case "pv": return { ...stepped, stroke: colors("--pv"), width: 2 };
    case "battery": return { ...stepped, stroke: colors("--battery"), width: 2, dash: [2, 3] };
    case "expected": return { ...stepped, stroke: colors("--muted"), width: 1, fill: hatched(colors) };
    default: return { ...stepped, stroke: colors("--card"), width: 1, fill: colors(`--${key}`) };
  }
}

function hatched(colors) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colors("--muted");
  pen.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
  }
  pen.stroke();
  return () => pen.createPattern(tile, "repeat");
}

function colorsOf(place) {
  const style = getComputedStyle(place);
  return Object.assign((token) => style.getPropertyValue(token).trim(), { font: style.fontFamily });
}
