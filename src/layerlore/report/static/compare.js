// Comfort only: how strong the maps lie over the photo, and the bare photo while a key or the button is held.
const strength = document.getElementById("strength"), bareButton = document.getElementById("bare");
strength.addEventListener("input", () => {
  strength.setAttribute("aria-valuetext", `${strength.value} percent`);
  document.body.style.setProperty("--strength", strength.value / 100);
});
function setBare(bare) {
  document.body.classList.toggle("bare", bare);
  bareButton.classList.toggle("held", bare);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target === bareButton && [" ", "Enter"].includes(event.key);
  if (onButton) event.preventDefault();
  if (onButton || event.key.toLowerCase() === "b") setBare(true);
});
for (const end of ["keyup", "pointerup", "pointercancel"]) document.addEventListener(end, () => setBare(false));
addEventListener("blur", () => setBare(false));
bareButton.addEventListener("pointerdown", () => setBare(true));
root.dataset.ready = "true";
