// @ts-check
// The chosen colours before the first paint. A classic script, because modules run after it. See core/prefs.js.
try {
  const { theme } = JSON.parse(localStorage.getItem("larder.prefs.1") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // The system's colours, then.
}
