// Runs before the first paint, so that a light screen never flashes dark or the other way round.
(() => {
  const root = document.documentElement;
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const wanted = stored("fiber-theme");
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  const scheme = wanted === "light" || wanted === "dark" ? wanted : light ? "light" : "dark";
  root.setAttribute("data-mantine-color-scheme", scheme);
  root.lang = stored("fiber-language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
})();
