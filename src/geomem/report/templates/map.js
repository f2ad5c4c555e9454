// Puts a live map (plotly.js) in place of each still one. Hovering or tapping a node lights up its neighbours and path
// in every panel at once; the names that have room are chosen again at every zoom.
(() => {
  "use strict";
  const SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross"];
  const DRAWN = ["M5 0a5 5 0 1 0 .01 0z", "M.6.6h8.8v8.8H.6z", "M5 .4 9.8 9H.2z", "M5 0l5 5-5 5-5-5z", "M5 9.6 9.8 1H.2z",
    "M3.4 0h3.2v3.4H10v3.2H6.6V10H3.4V6.6H0V3.4h3.4z"];
  const HALO = 2;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const tone = (value) => (value.startsWith("--") ? css(value) : value);
  // Names are data: plotly reads a little HTML in its texts, so its signs are written as entities.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cut = (text) => (text.length > 24 ? text.slice(0, 23) + "…" : text);
  const pencil = document.createElement("canvas").getContext("2d");

  function element(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  class LiveMap {
    constructor(figure, data) {
      this.figure = figure;
      this.data = data;
      this.pinned = null;
      this.neighbours = data.labels.map(() => []);
      for (const [a, b] of data.edges) {
        if (a === b) continue;
        if (!this.neighbours[a].includes(b)) this.neighbours[a].push(b);
        if (!this.neighbours[b].includes(a)) this.neighbours[b].push(a);
      }
      this.pathsOf = data.labels.map(() => []);
      data.paths.forEach((path, index) => path.forEach((node) => this.pathsOf[node].push(index)));
    }

    async start() {
      const live = this.figure.querySelector(".live");
      live.replaceChildren(this.key());
      const panels = element("div", "panels");
      panels.style.setProperty("--columns", Math.min(this.data.panels.length, 3));
      this.plots = this.data.panels.map((panel) => {
        const box = element("div", "panel");
        if (panel.title) box.append(element("p", "panel-title", panel.title));
        const plot = element("div", "plot");
        plot.setAttribute("role", "img");
        plot.setAttribute("aria-label", panel.title || this.figure.querySelector(".figure-title").textContent);
        // Our own bubble, not plotly's: it holds plain words, and the same node is named in every panel.
        const frame = element("div", "frame");
        frame.append(plot, element("div", "bubble"));
        box.append(frame);
        const note = panel.note || this.data.axes;
        if (note) box.append(element("p", "panel-note", note));
        panels.append(box);
        return plot;
      });
      live.append(panels, this.tools());
      this.figure.classList.add("is-live");
      await this.draw();
      this.plots.forEach((plot, index) => this.listen(plot, index));
      document.addEventListener("themechange", () => this.draw());
      let width = innerWidth;
      addEventListener("resize", () => {
        if (innerWidth === width) return;
        width = innerWidth;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.draw(), 150);
      });
    }

    key() {
      const list = element("ul", "key");
      for (const [mark, colour, words] of this.data.key) {
        const item = element("li");
        const ring = mark < 0;
        const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        svg.setAttribute("viewBox", "-1 -1 12 12");
        svg.setAttribute("aria-hidden", "true");
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", DRAWN[Math.max(mark, 0)]);
        path.style.fill = ring ? "none" : colour.startsWith("--") ? `var(${colour})` : colour;
        if (ring) path.style.stroke = "var(--soft)";
        svg.append(path);
        item.append(svg, words);
        list.append(item);
      }
      return list;
    }

    tools() {
      const tools = element("div", "tools");
      const label = element("label", "", "Find a node ");
      const input = element("input");
      const list = element("datalist");
      list.id = `${this.data.id}-nodes`;
      input.setAttribute("list", list.id);
      input.autocomplete = "off";
      for (const name of this.data.labels) list.append(new Option(name, name));
      input.addEventListener("input", () => {
        const node = this.data.labels.indexOf(input.value.trim());
        this.pinned = node >= 0 ? node : null;
        this.show(this.pinned);
      });
      label.append(input, list);
      this.readout = element("p", "readout");
      this.readout.setAttribute("aria-live", "polite");
      tools.append(label, this.readout);
      return tools;
    }

    listen(plot, index) {
      const nodeOf = (event) => event.points.find((point) => point.data.name === "nodes")?.pointNumber;
      plot.on("plotly_hover", (event) => { const node = nodeOf(event); if (node !== undefined) this.show(node); });
      plot.on("plotly_unhover", () => this.show(this.pinned));
      plot.on("plotly_click", (event) => {
        const node = nodeOf(event);
        if (node === undefined) return;
        this.pinned = this.pinned === node ? null : node;
        this.show(this.pinned);
      });
      plot.on("plotly_relayout", (change) => {
        if (!Object.keys(change).some((name) => name.startsWith("xaxis"))) return;
        this.name(plot, index);
        this.bubble(plot, index);
      });
    }

    draw() {
      return Promise.all(this.plots.map(async (plot, index) => {
        const size = this.frame(plot, index);
        await Plotly.react(plot, this.traces(index), size, {
          displaylogo: false, responsive: false, scrollZoom: false, doubleClick: "reset",
          modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
        });
        await this.name(plot, index);
      })).then(() => this.show(this.pinned));
    }

    frame(plot, index) {
      const { x, y, tx, ty } = this.data.panels[index];
      const width = plot.clientWidth;
      const height = Math.round(width * (matchMedia("(max-width: 44rem)").matches ? 1 : this.data.ratio));
      const span = (values) => {
        const finite = values.filter((value) => value !== null);
        return finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
      };
      const [left, right] = span(x.concat(tx || []));
      const [bottom, top] = span(y.concat(ty || []));
      const unit = Math.max((right - left) / width, (top - bottom) / height) * 1.12 || 1 / width;
      const axis = (low, high, pixels) => ({
        range: [(low + high - unit * pixels) / 2, (low + high + unit * pixels) / 2],
        showgrid: false, zeroline: false, showticklabels: false, ticks: "", fixedrange: false,
      });
      // A finger scrolls the page; a mouse may drag the map.
      const touch = matchMedia("(pointer: coarse)").matches;
      return {
        width, height, margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, dragmode: touch ? false : "pan",
        hovermode: "closest", hoverdistance: touch ? 30 : 14, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: css("--sans"), size: 11, color: css("--ink") },
        xaxis: axis(left, right, width), yaxis: { ...axis(bottom, top, height), scaleanchor: "x" },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: css("--ink") },
      };
    }

    lines(panel, lists) {
      const x = [], y = [];
      for (const nodes of lists) {
        for (const node of nodes) { x.push(panel.x[node]); y.push(panel.y[node]); }
        x.push(null); y.push(null);
      }
      return { x, y };
    }

    traces(index) {
      const { data } = this;
      const panel = data.panels[index];
      const line = (name, lists, colour, width, opacity = 1) => ({
        name, type: "scatter", mode: "lines", hoverinfo: "skip", opacity, line: { color: colour, width },
        ...this.lines(panel, lists),
      });
      const traces = [line("edges", data.showEdges ? data.edges : [], css("--muted"), 0.8, 0.4)];
      if (panel.tx) {
        const x = [], y = [];
        panel.tx.forEach((value, node) => { x.push(value, panel.x[node], null); y.push(panel.ty[node], panel.y[node], null); });
        traces.push({ name: "errors", type: "scatter", mode: "lines", hoverinfo: "skip", opacity: 0.6, x, y,
          line: { color: css("--soft"), width: 0.8 } });
        traces.push({ name: "truth", type: "scatter", mode: "markers", hoverinfo: "skip", x: panel.tx, y: panel.ty,
          marker: { size: data.size * 0.8, symbol: "circle-open", color: css("--soft") } });
      }
      for (const [colour, nodes] of data.strands) traces.push(line("strand", [nodes], tone(colour), 1.6, 0.8));
      traces.push({
        name: "nodes", type: "scatter", mode: "markers", x: panel.x, y: panel.y,
        hoverinfo: "none",
        marker: {
          size: data.sizes, color: data.colours.map(tone), symbol: data.marks.map((mark) => SHAPES[mark]), opacity: 1,
          line: { color: css("--paper"), width: 0.6 },
        },
      });
      traces.push(line("near", [], css("--ink"), 1.3));
      traces.push(line("path", [], css("--focus"), 2.6));
      traces.push({ name: "lit", type: "scatter", mode: "markers", hoverinfo: "skip", x: [], y: [],
        marker: { size: [], color: [], symbol: [], line: { color: css("--ink"), width: 1.4 } } });
      traces.push({ name: "names", type: "scatter", mode: "text", hoverinfo: "skip", x: [], y: [], text: [],
        textposition: "middle center", textfont: { color: css("--ink"), size: 11 } });
      return traces;
    }

    find(plot, name) { return plot.data.findIndex((trace) => trace.name === name); }

    pixels(plot) {
      const { width, height } = plot.layout;
      const [left, right] = plot.layout.xaxis.range;
      const [bottom, top] = plot.layout.yaxis.range;
      return {
        px: (value) => ((value - left) / (right - left)) * width,
        py: (value) => height - ((value - bottom) / (top - bottom)) * height,
      };
    }

    bubble(plot, index) {
      const bubble = plot.parentElement.querySelector(".bubble");
      const panel = this.data.panels[index];
      const node = this.shown;
      bubble.style.display = "none";
      if (node === null || node === undefined || panel.x[node] === null) return;
      const { px, py } = this.pixels(plot);
      const { width, height } = plot.layout;
      const x = px(panel.x[node]), y = py(panel.y[node]);
      if (x < 0 || x > width || y < 0 || y > height) return;
      bubble.textContent = cut(this.data.labels[node]);
      bubble.style.display = "block";
      const left = x + 12 + bubble.offsetWidth > width ? x - 12 - bubble.offsetWidth : x + 12;
      bubble.style.left = `${Math.max(0, left)}px`;
      bubble.style.top = `${Math.min(Math.max(0, y - bubble.offsetHeight / 2), height - bubble.offsetHeight)}px`;
    }

    // Greedy: the emphasised nodes first, then in order; a name needs room free of names and of nodes.
    name(plot, index) {
      const { data } = this;
      const panel = data.panels[index];
      const { width, height } = plot.layout;
      const [left, right] = plot.layout.xaxis.range;
      const [bottom, top] = plot.layout.yaxis.range;
      const { px, py } = this.pixels(plot);
      const seen = (x, y) => x >= 0 && x <= width && y >= 0 && y <= height;
      const dots = [];
      panel.x.forEach((value, node) => { if (value !== null) dots.push([px(value), py(panel.y[node]), node]); });
      (panel.tx || []).forEach((value, node) => { if (value !== null) dots.push([px(value), py(panel.ty[node]), -1]); });
      const near = dots.filter(([x, y]) => seen(x, y));
      const emphasised = new Set(data.emphasis);
      const visible = near.filter(([, , node]) => node >= 0).map(([, , node]) => node);
      let order = visible.filter((node) => emphasised.has(node));
      if (visible.length <= 250) order = order.concat(visible.filter((node) => !emphasised.has(node)));
      pencil.font = `11px ${css("--sans")}`;
      const taken = [], x = [], y = [], text = [];
      const free = ([l, t, r, b], node, must) => l >= 2 && t >= 2 && r <= width - 2 && b <= height - 2
        && taken.every((box) => r + 3 < box[0] || box[2] + 3 < l || b + 1 < box[1] || box[3] + 1 < t)
        && (must || near.every(([dx, dy, other]) => other === node || dx < l - HALO || dx > r + HALO || dy < t - HALO || dy > b + HALO));
      for (const node of order) {
        const name = cut(data.labels[node]);
        const w = pencil.measureText(name).width + 2, h = 14, gap = data.sizes[node] / 2 + 3;
        const cx = px(panel.x[node]), cy = py(panel.y[node]);
        const sides = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]].map(([across, down]) => {
          const bx = cx + across * (gap + w / 2), by = cy + down * (gap + h / 2);
          return [bx - w / 2, by - h / 2, bx + w / 2, by + h / 2];
        });
        const box = sides.find((side) => free(side, node, false))
          || (emphasised.has(node) && sides.find((side) => free(side, node, true)));
        if (!box) continue;
        taken.push(box);
        x.push(left + (((box[0] + box[2]) / 2) / width) * (right - left));
        y.push(bottom + ((height - (box[1] + box[3]) / 2) / height) * (top - bottom));
        text.push(plain(name));
      }
      return Plotly.restyle(plot, { x: [x], y: [y], text: [text] }, [this.find(plot, "names")]);
    }

    show(node) {
      const { data } = this;
      this.shown = node;
      const none = node === null || node === undefined;
      const neighbours = none ? [] : this.neighbours[node];
      const paths = none ? [] : this.pathsOf[node];
      // A node on many paths (the root) has no path of its own.
      const path = paths.length === 1 ? data.paths[paths[0]] : [];
      const lit = none ? [] : [...new Set([node, ...neighbours, ...path])];
      this.plots.forEach((plot, index) => {
        const panel = data.panels[index];
        const near = this.lines(panel, neighbours.map((other) => [node, other]));
        const along = this.lines(panel, [path]);
        // One change for all four traces; undefined leaves a trace's own value alone.
        const keep = undefined;
        Plotly.restyle(plot, {
          x: [near.x, along.x, lit.map((other) => panel.x[other]), keep],
          y: [near.y, along.y, lit.map((other) => panel.y[other]), keep],
          "marker.size": [keep, keep, lit.map((other) => data.sizes[other] + (other === node ? 6 : 3)), keep],
          "marker.color": [keep, keep, lit.map((other) => tone(data.colours[other])), keep],
          "marker.symbol": [keep, keep, lit.map((other) => SHAPES[data.marks[other]]), keep],
          "marker.opacity": [keep, keep, keep, none ? 1 : 0.35],
        }, ["near", "path", "lit", "nodes"].map((name) => this.find(plot, name)));
        this.bubble(plot, index);
      });
      this.readout.replaceChildren(...this.words(node, neighbours, path));
      this.figure.dataset.node = none ? "" : data.labels[node];
    }

    words(node, neighbours, path) {
      if (node === null || node === undefined) {
        return [element("span", "soft", "Hover or tap a node to see its neighbours and its path; click to keep it.")];
      }
      const names = (nodes) => nodes.slice(0, 12).map((other) => this.data.labels[other]).join(", ")
        + (nodes.length > 12 ? ` and ${nodes.length - 12} more` : "");
      const parts = [element("strong", "", this.data.labels[node])];
      const group = this.data.groups && this.data.groups[node];
      if (group) parts.push(` · ${group}`);
      parts.push(neighbours.length ? ` — next to ${names(neighbours)}.` : " — no neighbours.");
      if (path.length) parts.push(` Path: ${path.map((other) => this.data.labels[other]).join(" → ")}.`);
      return parts;
    }
  }

  for (const source of document.querySelectorAll('script[type="application/json"][data-map]')) {
    const figure = document.getElementById(source.dataset.map);
    const start = () => new LiveMap(figure, JSON.parse(source.textContent)).start();
    // Maps further down are made when the reader comes near them.
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      start();
    }, { rootMargin: "800px" });
    watcher.observe(figure);
  }
})();
