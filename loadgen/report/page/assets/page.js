"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = id => document.getElementById(id);
  const life = ["create", "fetch", "connect", "match", "ack", "delivery", "leave", "reconnect", "online", "stats", "renew", "refusal"];
  const inOrder = names => names.sort((a, b) => {
    const place = n => life.includes(n) ? life.indexOf(n) : life.length;
    return place(a) - place(b) || (a < b ? -1 : 1);
  });
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // How figures are written.
  const trim = text => text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  const time = ms => {
    if (ms == null) return "–";
    if (ms < 0.9995) return Math.round(ms * 1000) + " µs";
    if (ms < 99.95) return trim(ms.toFixed(1)) + " ms";
    if (ms < 999.5) return ms.toFixed(0) + " ms";
    return trim((ms / 1000).toFixed(ms < 9995 ? 2 : 1)) + " s";
  };
  const whole = n => n == null ? "–" : Math.round(n).toLocaleString("en");
  const clock = s => s >= 3600 ? Math.floor(s / 3600) + ":" + String(Math.floor(s / 60) % 60).padStart(2, "0") + ":" + String(s % 60).padStart(2, "0")
    : s >= 60 ? Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0") : s + " s";
  const quantile = x => x <= 1 ? "least" : "p" + parseFloat((100 - 100 / x).toFixed(Math.max(0, Math.floor(Math.log10(x)) - 1)));
  const most = values => values.reduce((m, v) => v > m ? v : m, 0);

  // Shared by all charts of a kind, so that they can be compared.
  const shared = { micros: [0.1, 10], samples: 100, span: [0, 1] };
  const decades = (low, high) => {
    const splits = [];
    for (let e = Math.round(Math.log10(low)); e <= Math.round(Math.log10(high)); e++) splits.push(10 ** e);
    return splits;
  };
  const font = "11px system-ui, sans-serif";
  const axis = (more) => ({
    stroke: () => colour("muted"), font, ticks: { show: false }, gap: 6,
    grid: { stroke: () => colour("line"), width: 1 }, ...more,
  });
  const timeScale = { distr: 3, log: 10, range: () => shared.micros };
  const timeAxis = () => axis({ scale: "y", size: 54, splits: () => decades(...shared.micros), filter: (u, s) => s, values: (u, s) => s.map(time) });
  const countScale = { range: (u, low, high) => [0, high > 0 ? high * 1.12 : 1] };
  const ones = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap(n => [n, 2 * n, 5 * n]); // what is counted has no halves
  const countAxis = (write) => axis({ scale: "y", size: 54, space: 32, values: (u, s) => s.map(write), ...(write === whole ? { incrs: ones } : {}) });
  const secondAxis = () => axis({ space: 56, size: 26, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200], values: (u, s) => s.map(clock) });

  // Values without neighbours would not be seen as lines: they become dots.
  const alone = (u, si) => {
    const values = u.data[si], found = [];
    values.forEach((v, i) => { if (v != null && values[i - 1] == null && values[i + 1] == null) found.push(i); });
    return found;
  };
  const line = (name, more) => ({ stroke: () => colour(name), width: 1.75, points: { show: true, size: 4, filter: alone, fill: () => colour(name) }, ...more });
  const area = { fill: () => colour("wash") };

  const charts = new Map();
  // Draws a chart, or draws it anew with other data. spec: id, into, title,
  // columns, series, scales, axes, say(column index or null) and, where it
  // is over time, phases.
  function chart(spec) {
    let c = charts.get(spec.id);
    if (!c) {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption");
      const title = document.createElement("b"), said = document.createElement("span"), plot = document.createElement("div");
      title.textContent = spec.title;
      plot.className = "plot";
      plot.setAttribute("role", "img");
      caption.append(title, said);
      figure.append(caption, plot);
      $(spec.into).append(figure);
      c = { said, plot };
      charts.set(spec.id, c);
      new ResizeObserver(() => c.u && plot.clientWidth !== c.u.width && c.u.setSize({ width: plot.clientWidth, height: spec.height })).observe(plot);
    }
    c.spec = spec;
    c.plot.setAttribute("aria-label", spec.title + ": " + spec.say(null));
    if (c.u && c.u.series.length !== spec.columns.length) { // a process came late
      c.u.destroy();
      c.u = null;
    }
    if (c.u) c.u.setData(spec.columns);
    else c.u = build(c);
    tell(c);
  }
  function build(c) {
    const s = c.spec, hooks = { setCursor: [() => tell(c)] };
    if (s.phases) hooks.drawClear = [u => bands(u)];
    hooks.draw = [u => { if (s.marks) s.marks(u, c.spec); limits(u, c.spec.limits || []); }];
    if (s.under) hooks.drawClear = [u => s.under(u, c.spec)];
    return new uPlot({
      width: c.plot.clientWidth || 300, height: s.height, padding: [8, 22, 0, 0],
      legend: { show: false }, hooks, scales: s.scales, axes: s.axes,
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: s.phases ? { key: "time", setSeries: false } : undefined },
      series: [{}, ...s.series],
    }, s.columns, c.plot);
  }
  const tell = c => { c.said.textContent = c.spec.say(c.u && c.u.cursor.idx != null && c.u.cursor.left >= 0 ? c.u.cursor.idx : null); };

  // Marks where phases begin, and shades those that are not recorded.
  let phases = [];
  function bands(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio, at = x => Math.round(u.valToPos(x, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "top";
    ctx.textAlign = "left"; // the axes leave what they set
    for (const p of phases) {
      const from = at(p.from), to = at(p.to);
      if (p.warmup) {
        ctx.fillStyle = colour("faint");
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
      }
      ctx.fillStyle = colour("muted");
      if (p.from > 0) for (let y = bbox.top; y < bbox.top + bbox.height; y += 6 * ratio) ctx.fillRect(from, y, ratio, 3 * ratio);
      if (ctx.measureText(p.name).width + 8 * ratio < to - from) ctx.fillText(p.name, from + 5 * ratio, bbox.top + 1);
    }
    ctx.restore();
    faults(u);
  }
  // Marks the faults of the scenario, each with as much of its name as there is room for.
  function faults(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio, all = data.faults || [];
    ctx.save();
    ctx.fillStyle = colour("doubt");
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    all.forEach((f, i) => {
      const x = Math.round(u.valToPos(f.t, "x", true)), end = bbox.left + bbox.width;
      if (x < bbox.left || x > end) return;
      ctx.fillRect(x - ratio / 2, bbox.top, 1.5 * ratio, bbox.height);
      const room = (i + 1 < all.length ? Math.min(end, u.valToPos(all[i + 1].t, "x", true)) : end) - x - 8 * ratio;
      const words = [f.name, f.what].find(w => ctx.measureText(w).width < room);
      if (words) ctx.fillText(words, x + 4 * ratio, bbox.top + 14 * ratio);
    });
    ctx.restore();
  }
  function failureMarks(u, spec) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.fillStyle = colour("bad");
    spec.failed.forEach((n, i) => {
      if (n > 0) ctx.fillRect(Math.round(u.valToPos(spec.columns[0][i], "x", true)) - ratio, bbox.top + bbox.height - 9 * ratio, Math.max(2, 3 * ratio), 9 * ratio);
    });
    ctx.restore();
  }

  // Draws thresholds: a dashed line where what is drawn must stay below (or above).
  function limits(u, all) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    ctx.fillStyle = ctx.strokeStyle = colour("bad");
    ctx.lineWidth = ratio;
    ctx.setLineDash([5 * ratio, 3 * ratio]);
    ctx.textAlign = "left";
    const lines = [];
    for (const l of all) { // those at one height share a line
      const same = lines.find(known => known.at === l.at && known.x === l.x);
      if (!same) lines.push({ ...l });
      else if (!same.words.includes(l.words)) same.words += ", " + l.words;
    }
    for (const l of lines) {
      const y = Math.round(u.valToPos(l.at, "y", true)) + 0.5;
      const middle = l.x ? u.valToPos(l.x, "x", true) : 0;
      const from = l.x ? middle - 26 * ratio : bbox.left, to = l.x ? middle + 26 * ratio : bbox.left + bbox.width;
      ctx.beginPath();
      ctx.moveTo(from, y);
      ctx.lineTo(to, y);
      ctx.stroke();
      const wide = ctx.measureText(l.words).width, below = y - bbox.top < 16 * ratio;
      ctx.textBaseline = below ? "top" : "bottom";
      ctx.fillText(l.words, Math.max(bbox.left + 2 * ratio, Math.min(to, bbox.left + bbox.width) - wide - 4 * ratio), below ? y + 2 * ratio : y - 2 * ratio);
    }
    ctx.restore();
  }
  const bounds = keep => (data.bounds || []).filter(keep);

  function findPhases(rows) {
    const found = [];
    for (const r of rows) {
      const last = found[found.length - 1];
      if (last && last.name === r.phase && last.warmup === !!r.warmup) last.to = r.t + data.every;
      else found.push({ name: r.phase, warmup: !!r.warmup, from: r.t, to: r.t + data.every });
    }
    return found;
  }
  function findShared() {
    let low = Infinity, high = 0;
    const see = v => { if (v != null) { low = Math.min(low, Math.max(v, 0.001)); high = Math.max(high, v); } };
    for (const c of Object.values(data.curves)) {
      [c.response, c.service].forEach(values => values.forEach(see));
      shared.samples = Math.max(shared.samples, 10 ** Math.ceil(Math.log10(c.x[c.x.length - 1] || 1)));
    }
    for (const r of data.rows) for (const o of Object.values(r.ops || {})) { see(o[2]); see(o[3]); }
    for (const b of data.bounds || []) if (b.metric !== "memory" && b.at > 0) see(b.at);
    for (const values of Object.values(data.capacity?.p99 || {})) values.forEach(v => v > 0 && see(v));
    if (high > 0) shared.micros = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(Math.max(high, low * 1.01)))];
    if (data.rows.length) shared.span = [data.rows[0].t, Math.max(data.rows[data.rows.length - 1].t, data.rows[0].t + 1)];
  }

  function drawCurves() {
    for (const name of inOrder(Object.keys(data.curves))) {
      const c = data.curves[name], above = v => Math.max(v, 0.001);
      const nearest = want => c.x.reduce((best, x, i) => Math.abs(Math.log(x / want)) < Math.abs(Math.log(c.x[best] / want)) ? i : best, 0);
      chart({
        id: "curve " + name, into: "curves", title: name, height: 190,
        columns: [c.x, c.response.map(above), c.service.map(above)],
        scales: { x: { time: false, distr: 3, log: 10, range: () => [1, shared.samples] }, y: timeScale },
        limits: bounds(b => b.op === name && b.x && b.metric !== "memory").map(b => ({ ...b, words: (b.metric === "service" ? "service " : "") + b.stat })),
        axes: [axis({ size: 26, splits: () => [2, ...decades(10, shared.samples)], filter: (u, s) => s, values: (u, s) => s.map(x => x < 1e6 ? quantile(x) : "") }), timeAxis()],
        series: [line("response"), line("service", { dash: [5, 4] })],
        say: i => {
          const at = i ?? nearest(100);
          return quantile(c.x[at]) + " " + time(c.response[at]) + ", service " + time(c.service[at]);
        },
      });
    }
  }

  const column = get => data.rows.map(get);
  const overTime = (id, into, title, height, values, series, write, unit, scale) => chart({
    id, into, title, height, phases: true, columns: [column(r => r.t), ...values],
    scales: { x: { time: false, range: () => shared.span }, y: scale || countScale },
    axes: [secondAxis(), countAxis(write)], series,
    say: i => i == null ? "at most " + write(most(values[0])) + unit : "at " + clock(data.rows[i]?.t ?? 0) + ": " + write(values[0][i]) + unit,
  });
  function drawTimeline() {
    overTime("arrivals", "timeline", "Arrivals", 150, [column(r => r.arrived)], [line("response", area)], whole, " a second");
    overTime("live", "timeline", "Live guests", 150, [column(r => r.live)], [line("response", area)], whole, "");
    overTime("messages", "timeline", "Messages", 150, [column(r => r.messages)], [line("response", area)], whole, " a second");
    const bars = { stroke: () => colour("bad"), fill: () => colour("bad"), width: 0, paths: uPlot.paths.bars({ size: [0.7, 24, 2] }), points: { show: false } };
    overTime("failures", "timeline", "Failures", 150, [column(r => r.failures)], [bars], whole, " a second");
    const names = new Set();
    for (const r of data.rows) for (const name in r.ops || {}) names.add(name);
    for (const name of inOrder([...names])) {
      const of = i => column(r => r.ops?.[name]?.[i] ?? null);
      const failed = of(1), p50 = of(2), p99 = of(3);
      chart({
        id: "second " + name, into: "seconds", title: name, height: 170, phases: true, failed, marks: failureMarks,
        columns: [column(r => r.t), p99, p50],
        limits: bounds(b => b.op === name && b.metric === "response" && (b.stat === "p50" || b.stat === "p99")).map(b => ({ at: b.at, words: b.stat + " threshold" })),
        scales: { x: { time: false, range: () => shared.span }, y: timeScale },
        axes: [secondAxis(), timeAxis()], series: [line("response"), line("service", { width: 1.25 })],
        say: i => i == null ? "p99 at most " + time(most(p99))
          : "at " + clock(data.rows[i]?.t ?? 0) + ": p50 " + time(p50[i]) + ", p99 " + time(p99[i]) + (failed[i] ? ", " + failed[i] + " failed" : ""),
      });
    }
  }

  // The knee: how p99 rises with the rate, run by run.
  const inks = ["response", "service", "third"];
  function drawKnee() {
    const k = data.capacity;
    if (!k || !k.rates.length) return;
    const names = ["create", "match", "delivery"].filter(n => k.p99[n]);
    if (!names.length) names.push(...inOrder(Object.keys(k.p99)).slice(0, 3));
    const rate = r => r == null ? "–" : (r < 10 ? trim(r.toFixed(2)) : r < 100 ? trim(r.toFixed(1)) : whole(r)) + "/s";
    const values = names.map(n => k.p99[n].map(v => v > 0 ? Math.max(v, 0.001) : null));
    key("knee", names);
    chart({
      id: "knee", into: "knee", title: "p99 of response time by arrivals a second", height: 240,
      columns: [k.rates, ...values], under: kneeBands,
      limits: bounds(b => names.includes(b.op) && b.metric === "response" && b.stat === "p99").map(b => ({ at: b.at, words: b.op + " threshold" })),
      scales: { x: { time: false, distr: 3, log: 10, range: (u, low, high) => [low / 1.15, high * 1.15] }, y: timeScale },
      axes: [axis({ size: 26, space: 56, splits: () => rateSplits(k.rates), filter: (u, s) => s, values: (u, s) => s.map(rate) }), timeAxis()],
      series: names.map((n, i) => line(inks[i], { points: { show: true, size: 7, fill: () => colour("paper") } })), marks: verdictMarks,
      say: i => i == null ? (k.rate > 0 ? rate(k.rate) + " held" : "no rate held")
        : rate(k.rates[i]) + " " + k.said[i] + ": " + names.map((n, s) => n + " " + time(values[s][i])).join(", "),
    });
  }
  // One, two and five of every power of ten, within the rates and on each side.
  function rateSplits(rates) {
    const low = rates[0] / 1.15, high = rates[rates.length - 1] * 1.15, splits = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      for (const d of [1, 2, 5]) if (d * 10 ** e >= low && d * 10 ** e <= high) splits.push(d * 10 ** e);
    return splits.length > 1 ? splits : [rates[0], rates[rates.length - 1]];
  }
  // Shades where the limit lies.
  function kneeBands(u) {
    const k = data.capacity, { ctx, bbox } = u, end = bbox.left + bbox.width;
    const at = r => Math.min(end, Math.max(bbox.left, u.valToPos(r, "x", true)));
    if (!(k.low > 0) && k.high == null) return;
    ctx.save();
    ctx.fillStyle = colour("doubt-wash");
    const from = k.low > 0 ? at(k.low) : bbox.left, to = k.high == null ? end : at(k.high);
    ctx.fillRect(from, bbox.top, Math.max(to - from, 2), bbox.height);
    ctx.restore();
  }
  // Marks at the foot what each run came to.
  function verdictMarks(u) {
    const k = data.capacity, { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    k.rates.forEach((r, i) => {
      ctx.fillStyle = colour({ held: "good", broke: "bad", invalid: "doubt" }[k.said[i]]);
      ctx.fillRect(Math.round(u.valToPos(r, "x", true)) - ratio, bbox.top + bbox.height - 10 * ratio, Math.max(2, 3 * ratio), 10 * ratio);
    });
    ctx.restore();
  }

  function drawUsage() {
    const known = [...new Set(data.usage.flatMap(u => Object.keys(u.of)))], names = ["server", "redis", "loadgen"].filter(n => known.includes(n));
    const each = known.filter(n => !names.includes(n)).sort((a, b) => a.localeCompare(b, "en", { numeric: true })); // server 1, server 2, ...
    if (!names.length) return;
    key("usage", names.map(n => n === "server" && each.length ? "servers together" : n), each.length ? "each server" : "");
    const seconds = data.usage.map(u => u.second);
    for (const [id, title, what, write] of [
      ["cpu", "CPU, cores", "cpu", v => v == null ? "–" : trim(v.toFixed(v < 10 ? 2 : 0))],
      ["memory", "Memory, MB", "mb", whole],
    ]) {
      const values = [...names, ...each].map(n => data.usage.map(u => u.of[n]?.[what] ?? null));
      const told = get => names.map((n, k) => n + " " + write(get(k)) + (n === "server" && each.length && each.length <= 4 ? " (" + each.map((_, e) => write(get(names.length + e))).join(", ") + ")" : "")).join(", ");
      chart({
        id, into: "usage", title, height: 150, phases: true, columns: [seconds, ...values],
        limits: what === "mb" ? bounds(b => b.metric === "memory").map(b => ({ at: b.at, words: b.process + " threshold" })) : [],
        scales: { x: { time: false, range: () => shared.span }, y: countScale },
        axes: [secondAxis(), countAxis(write)], series: [...names.map((n, i) => line(inks[i])), ...each.map(() => line("muted", { width: 1 }))],
        say: i => i == null ? "at most " + told(k => most(values[k])) : "at " + clock(seconds[i] ?? 0) + ": " + told(k => values[k][i]),
      });
    }
  }
  function key(of, names, rest) {
    const p = document.createElement("p");
    $(of + "-key")?.remove();
    p.id = of + "-key";
    p.className = "key";
    [...names, ...(rest ? [rest] : [])].forEach((n, i) => {
      const s = document.createElement("span");
      s.className = "swatch solid " + (inks[i] && i < names.length ? inks[i] : "muted");
      p.append(s, n + " ");
    });
    $(of).before(p);
  }

  function draw() {
    phases = findPhases(data.rows);
    findShared();
    if (data.every > 1) $("binning").textContent = "Each point stands for " + data.every + " seconds: rates are means over them, percentiles are of all their samples. Shaded phases are warm-up, which is in no percentile.";
    drawKnee();
    drawCurves();
    if (data.rows.length) drawTimeline();
    drawUsage();
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(c => c.u.redraw(false, true)));

  // A page of a run that goes on hears of every second.
  if (!document.querySelector("main").hasAttribute("data-live")) return;
  const events = new EventSource("events?from=" + data.next);
  events.onmessage = event => {
    const news = JSON.parse(event.data);
    for (const [id, html] of Object.entries(news.fragments || {})) $(id).innerHTML = html;
    if (news.whole) Object.assign(data, news.whole);
    if (news.rows) {
      const known = data.rows.length ? data.rows[data.rows.length - 1].t : -1;
      data.rows.push(...news.rows.filter(r => r.t > known));
      data.rows.splice(0, data.rows.length - data.keep);
    }
    if (news.usage) {
      const known = data.usage.length ? data.usage[data.usage.length - 1].second : -1;
      data.usage.push(...news.usage.filter(u => u.second > known));
      data.usage.splice(0, data.usage.length - data.keep);
    }
    if (news.curves) data.curves = news.curves;
    draw();
    if (news.final) events.close();
  };
})();
