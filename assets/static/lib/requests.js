/** Requests to the functions of a component on the server. */

/** @typedef {import("./host.js").Server} Server */

/** @typedef {{ error: string }} Failure */

/**
 * What a function of the server answers, or the sentence to show.
 * @template Reply
 * @typedef {(Reply & { error?: undefined }) | Failure} Answer
 */

export const NO_ANSWER = "The app does not answer. Check that it is still running, then reload this page.";

/**
 * Calls a function of the server; a failure comes as a reply, so that it's shown where the result would be.
 * @param {Server} server
 * @param {string} name
 * @param {object} [request]
 * @param {string} [noAnswer] - what to say where nothing comes back
 * @returns {Promise<any>} the reply, or a `Failure`
 */
export async function call(server, name, request = {}, noAnswer = NO_ANSWER) {
  try {
    // Gradio's client gives nothing, and raises nothing, where the connection is lost.
    return (await server[name](request)) ?? { error: noAnswer };
  } catch {
    return { error: noAnswer };
  }
}

/** Numbers requests, each kind by itself, to tell whether a reply is that of the newest. */
export class RequestNumbers {
  constructor() {
    /** @type {Map<string, number>} */
    this.newest = new Map();
    this.count = 0;
  }

  /** @param {string} [kind] */
  next(kind = "") {
    this.count += 1;
    this.newest.set(kind, this.count);
    return this.count;
  }

  /**
   * @param {number} number
   * @param {string} [kind]
   */
  isNewest(number, kind = "") {
    return this.newest.get(kind) === number;
  }

  /** @param {string} kind */
  isPending(kind) {
    return this.newest.has(kind);
  }

  /** The request of this kind is answered, or its reply is of no use any more. @param {string} kind */
  forget(kind) {
    this.newest.delete(kind);
  }

  clear() {
    this.newest.clear();
  }
}

/**
 * Sends requests of one kind and receives their replies in order: a reply that comes after a newer one is dropped. A
 * request that can wait is sent when no other is under way; of several that wait only the newest is sent.
 * @template Request, Reply
 */
export class RequestStream {
  /**
   * @param {(request: Request) => Promise<Reply>} send
   * @param {(reply: Reply, request: Request, newest: boolean) => void} receive - `newest`: no later request was sent
   */
  constructor(send, receive) {
    this.send = send;
    this.receive = receive;
    this.sent = 0;
    this.received = 0;
    this.inFlight = 0;
    /** @type {{ request: Request } | null} */
    this.waiting = null;
  }

  get busy() {
    return this.inFlight > 0;
  }

  /**
   * @param {Request} request
   * @param {boolean} [canWait]
   */
  async request(request, canWait = false) {
    if (canWait && this.inFlight) {
      this.waiting = { request };
      return;
    }
    this.waiting = null;
    this.sent += 1;
    const number = this.sent;
    this.inFlight += 1;
    let reply;
    try {
      reply = await this.send(request);
    } finally {
      this.inFlight -= 1;
    }
    if (number > this.received) {
      this.received = number;
      this.receive(reply, request, number === this.sent);
    }
    this.sendWaiting();
  }

  sendWaiting() {
    if (this.waiting) this.request(this.waiting.request, true);
  }
}

/** An id that no other request has: 24 hexadecimal digits or more. */
export function randomId(bytes = 12) {
  const numbers = crypto.getRandomValues(new Uint8Array(bytes));
  return [...numbers].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
