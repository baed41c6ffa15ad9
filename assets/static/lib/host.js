/**
 * What the app gives to the `mount` function of a component (see ui/web/assets.py).
 *
 * @template {object} [Props={}]
 * @typedef {object} Host
 * @property {HTMLElement} element - the component's root; Gradio may draw the component again, with another root
 * @property {Props} props - as Python gave them; `value` changes while the component is on the page
 * @property {Server} server - the component's functions on the server
 * @property {(name: string, callback: () => void) => void} watch - calls back when a prop has changed
 * @property {(name: string, data: object) => void} emit - sends an event to the server
 */

/** @typedef {Record<string, (request: object) => Promise<any>>} Server */

export {};
