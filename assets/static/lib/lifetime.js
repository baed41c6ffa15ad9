/**
 * Listeners, timers and observers of a component that end with it. Gradio takes a component off the page without
 * telling its script, hence they look whether its root is still there.
 */

/**
 * @param {HTMLElement} element
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: any) => void} handler
 */
export function listen(element, target, type, handler) {
  /** @param {Event} event */
  const heard = (event) => {
    if (element.isConnected) handler(event);
    else target.removeEventListener(type, heard);
  };
  target.addEventListener(type, heard);
}

/**
 * @param {HTMLElement} element
 * @param {number} milliseconds
 * @param {() => void} action
 */
export function repeat(element, milliseconds, action) {
  const timer = setInterval(() => (element.isConnected ? action() : clearInterval(timer)), milliseconds);
}

/**
 * Whether the tab of an element is in front and the element not hidden; it may be scrolled out of sight.
 * @param {HTMLElement} element
 */
export const isShown = (element) => element.isConnected && element.offsetParent !== null;

/**
 * Calls back when an element is hidden or shown again, by a tab or an accordion. A hidden element has no size, hence
 * its size is observed: an IntersectionObserver says nothing of what is shown below the window's edge.
 * @param {HTMLElement} element
 * @param {(shown: boolean) => void} action
 */
export function onShownChange(element, action) {
  let shown = isShown(element);
  new ResizeObserver(() => {
    if (isShown(element) === shown) return;
    shown = !shown;
    if (element.isConnected) action(shown);
  }).observe(element);
}

/**
 * Calls back each time that an element is shown, the first time included.
 * @param {HTMLElement} element
 * @param {() => void} action
 */
export function onAppear(element, action) {
  onShownChange(element, (shown) => shown && action());
  if (isShown(element)) action();
}

/**
 * Calls back when an element's size has changed while it is shown.
 * @param {HTMLElement} element
 * @param {() => void} action
 */
export function onResize(element, action) {
  new ResizeObserver(() => isShown(element) && action()).observe(element);
}
