/** Light and dark: as the system has it, until the button is pressed. Tells `theme` on the document. */

const KEY = "varemix-theme";
const button = document.getElementById("theme");
const system = window.matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = localStorage.getItem(KEY);
  return chosen ? chosen === "dark" : system.matches;
}

function show() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  button.querySelector("use").setAttribute("href", isDark() ? "#sun" : "#moon");
  button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  button.title = button.getAttribute("aria-label");
  document.dispatchEvent(new Event("theme"));
}

export function startTheme() {
  button.onclick = () => {
    localStorage.setItem(KEY, isDark() ? "light" : "dark");
    show();
  };
  system.addEventListener("change", show);
  show();
}
