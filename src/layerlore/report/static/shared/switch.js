// The switch between light and dark.
const root = document.documentElement, themeButton = document.getElementById("theme"), systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
const showTheme = () => themeButton.setAttribute("aria-pressed", String(isDark()));
themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("layerlore-theme", root.dataset.theme); } catch { /* not remembered, but switched */ }
  showTheme();
});
systemDark.addEventListener("change", showTheme);
showTheme();
