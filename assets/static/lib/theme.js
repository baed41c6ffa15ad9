/** The colours of the page's theme, light or dark. */

export const isDark = () => document.body.classList.contains("dark");

const STORED = "scalequest-theme";

/**
 * Chooses the dark or the light colours, also for later visits.
 * @param {boolean} dark
 */
export function setDark(dark) {
  document.body.classList.toggle("dark", dark);
  try {
    localStorage.setItem(STORED, dark ? "dark" : "light");
  } catch {
    // A browser without storage follows the system's colours the next time.
  }
}

/** The colours that were chosen on an earlier visit; those in the address (Gradio's `__theme`) go first. */
export function recallDark() {
  if (new URL(location.href).searchParams.has("__theme")) return;
  try {
    const stored = localStorage.getItem(STORED);
    if (stored) document.body.classList.toggle("dark", stored === "dark");
  } catch {
    // no storage
  }
}

/**
 * Calls back when the page turns dark or light, so that charts get its colours.
 * @param {HTMLElement} element
 * @param {() => void} action
 */
export function onThemeChange(element, action) {
  let dark = isDark();
  const observer = new MutationObserver(() => {
    if (!element.isConnected) observer.disconnect();
    else if (isDark() !== dark) {
      dark = !dark;
      action();
    }
  });
  observer.observe(document.body, { attributeFilter: ["class"] });
}

/**
 * A colour of the theme by its CSS variable.
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} fallback
 */
export function themeColor(element, name, fallback) {
  return getComputedStyle(element).getPropertyValue(name).trim() || fallback;
}

/** The colours of a chart, and the page's font. @param {HTMLElement} element */
export function chartColors(element) {
  return {
    ink: themeColor(element, "--body-text-color", "#222"),
    line: themeColor(element, "--border-color-primary", "#ccc"),
    grey: themeColor(element, "--neutral-400", "#999"),
    accent: themeColor(element, "--color-accent", "#4f46e5"),
    font: getComputedStyle(element).fontFamily,
  };
}

/** @typedef {ReturnType<typeof chartColors>} ChartColors */
