// Runs before the first paint so that a remembered choice does not flash.
try {
  const remembered = localStorage.getItem("layerlore-theme");
  if (remembered === "light" || remembered === "dark") document.documentElement.dataset.theme = remembered;
} catch { /* a page from disk may have no storage; the system's choice stands */ }
