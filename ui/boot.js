// Starts the pages. A file of its own, because the content security policy allows no inline script.
// The theme is set before the first paint; the host's setting may correct it later.
(() => {
  let theme = null;
  try { theme = localStorage.getItem("slipway.theme"); } catch { /* storage is switched off: the system's theme */ }
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = theme === "light" || theme === "dark" ? theme : light ? "light" : "dark";

  const failed = (error) => {
    const main = document.createElement("main");
    main.className = "boot-failed";
    const title = document.createElement("h1");
    title.textContent = "The pages can't start";
    const text = document.createElement("p");
    text.textContent = "This browser could not load the program of the pages (ui_bg.wasm). Reload the page; if that does not help, build the pages again with cargo xtask ui.";
    const detail = document.createElement("pre");
    detail.textContent = String(error && error.stack || error);
    main.append(title, text, detail);
    document.body.replaceChildren(main);
  };
  const start = () => import("/ui.js").then((ui) => ui.default({ module_or_path: "/ui_bg.wasm" })).catch(failed);
  if (document.body) start(); else addEventListener("DOMContentLoaded", start);
})();
