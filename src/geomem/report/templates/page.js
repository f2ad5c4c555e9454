// The page reads in full without this: theme switch, copy button, steps through examples, all unfolded for print.
(() => {
  "use strict";
  const root = document.documentElement;
  const store = {
    get: () => { try { return localStorage.getItem("geomem-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("geomem-theme", value); } catch { /* a file may have no storage */ } },
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const toggle = document.getElementById("theme");
  const announce = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
    document.dispatchEvent(new Event("themechange"));
  };
  const kept = store.get();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store.set(root.dataset.theme);
    announce();
  });
  system.addEventListener("change", announce);
  announce();

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }
  // Sorting: the head of a sortable table becomes buttons; numbers before words, empty cells last, ties as they were.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row, place) => ({ row, place, key: row.cells[column].dataset.key }));
        const numeric = keyed.every(({ key }) => key === "" || !Number.isNaN(Number(key)));
        keyed.sort((one, two) => {
          if (one.key === "" || two.key === "") return (one.key === "") - (two.key === "") || one.place - two.place;
          const order = numeric ? Number(one.key) - Number(two.key) : one.key.localeCompare(two.key);
          return (falling ? -order : order) || one.place - two.place;
        });
        body.append(...keyed.map(({ row }) => row));
      });
    });
  }

  // Examples are all there; with this they are seen one at a time, by button or arrow key. Print has them all.
  for (const steps of document.querySelectorAll(".steps")) {
    const examples = [...steps.querySelectorAll(".example")];
    const [back, on] = steps.querySelectorAll("[data-step]");
    let at = 0;
    const show = () => {
      examples.forEach((example, place) => { example.hidden = place !== at; });
      steps.querySelector(".place").textContent = `${at + 1} of ${examples.length}`;
      back.disabled = at === 0;
      on.disabled = at === examples.length - 1;
    };
    const move = (by) => {
      at = Math.min(Math.max(at + by, 0), examples.length - 1);
      show();
    };
    for (const button of [back, on]) button.addEventListener("click", () => move(Number(button.dataset.step)));
    steps.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      move(by);
    });
    addEventListener("beforeprint", () => examples.forEach((example) => { example.hidden = false; }));
    addEventListener("afterprint", show);
    show();
  }

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
  });
})();
