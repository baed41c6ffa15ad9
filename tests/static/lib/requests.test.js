import assert from "node:assert/strict";
import { test } from "node:test";

import { call, NO_ANSWER, randomId, RequestNumbers, RequestStream } from "../../../assets/static/lib/requests.js";

/** Requests that are answered by hand: `answers[i](reply)`. */
function stream() {
  /** @type {((reply: string) => void)[]} */
  const answers = [];
  /** @type {string[]} */
  const received = [];
  /** @type {string[]} */
  const sent = [];
  /** @type {RequestStream<string, string>} */
  const requests = new RequestStream(
    (request) => {
      sent.push(request);
      return new Promise((resolve) => answers.push(resolve));
    },
    (reply, request, newest) => received.push(`${request}:${reply}${newest ? "" : " (not the newest)"}`),
  );
  return { answers, received, sent, requests };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a reply that comes after a newer one is dropped", async () => {
  const { answers, received, requests } = stream();
  requests.request("a");
  requests.request("b");
  answers[1]("2");
  await settle();
  answers[0]("1");
  await settle();
  assert.deepEqual(received, ["b:2"]);
});

test("replies in order are all received, and only the last is the newest", async () => {
  const { answers, received, requests } = stream();
  requests.request("a");
  requests.request("b");
  answers[0]("1");
  await settle();
  answers[1]("2");
  await settle();
  assert.deepEqual(received, ["a:1 (not the newest)", "b:2"]);
});

test("of the requests that wait only the newest is sent", async () => {
  const { answers, sent, requests } = stream();
  requests.request("a", true);
  requests.request("b", true);
  requests.request("c", true);
  assert.equal(requests.busy, true);
  answers[0]("1");
  await settle();
  assert.deepEqual(sent, ["a", "c"]);
});

test("a request that does not wait replaces the waiting one", async () => {
  const { answers, sent, requests } = stream();
  requests.request("a", true);
  requests.request("b", true);
  requests.request("now");
  answers.forEach((answer) => answer(""));
  await settle();
  assert.deepEqual(sent, ["a", "now"]);
  assert.equal(requests.busy, false);
});

test("only the newest request of a kind counts", () => {
  const numbers = new RequestNumbers();
  const [first, other, second] = [numbers.next("a"), numbers.next("b"), numbers.next("a")];
  assert.equal(numbers.isNewest(first, "a"), false);
  assert.equal(numbers.isNewest(second, "a"), true);
  assert.equal(numbers.isNewest(other, "b"), true);
  numbers.forget("a");
  assert.equal(numbers.isNewest(second, "a"), false);
  assert.equal(numbers.isPending("b"), true);
});

test("a failure and a missing answer are sentences", async () => {
  const server = {
    works: async () => ({ count: 1 }),
    fails: async () => Promise.reject(new Error("500")),
    nothing: async () => undefined,
  };
  assert.deepEqual(await call(server, "works"), { count: 1 });
  assert.deepEqual(await call(server, "fails"), { error: NO_ANSWER });
  assert.deepEqual(await call(server, "nothing", {}, "Gone."), { error: "Gone." });
});

test("ids differ", () => {
  const ids = new Set(Array.from({ length: 100 }, () => randomId()));
  assert.equal(ids.size, 100);
  assert.match([...ids][0], /^[0-9a-f]{24}$/);
});
