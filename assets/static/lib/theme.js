/** The colours of the page's theme, light or dark. */

export const isDark = () => document.body.classList.contains("dark");

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
