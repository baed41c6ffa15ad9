/** Requests of the panels, which carry the reviewer's name and Explore's filter. */

import { addressFilter } from "../../lib/address.js";
import { call } from "../../lib/requests.js";

/** The name in Curate's own field: it counts before it is submitted. */
export function reviewerName() {
  const field = document.querySelector("#curate [data-part=reviewer]");
  return field instanceof HTMLInputElement ? field.value : "";
}

/**
 * @param {import("../../lib/host.js").Server} server
 * @param {string} name
 * @param {object} [request]
 */
export const callPanels = (server, name, request) =>
  call(server, name, { reviewer: reviewerName(), filter: addressFilter(), ...request });
