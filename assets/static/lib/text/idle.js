/** Work that waits until the page has nothing else to do, a little at a time. */

const SPARE = 3; // milliseconds that must be left to begin another task
const LATEST = 1500; // milliseconds, after which one task is done though the page is busy

/** @type {(() => void)[]} */
const tasks = [];
let isScheduled = false;

/**
 * @param {() => void} task - of few milliseconds
 */
export function inIdleTime(task) {
  tasks.push(task);
  schedule();
}

function schedule() {
  if (isScheduled || !tasks.length) return;
  isScheduled = true;
  if ("requestIdleCallback" in window) window.requestIdleCallback(run, { timeout: LATEST });
  else setTimeout(() => run({ timeRemaining: () => 0 }), 30);
}

/** @param {Pick<IdleDeadline, "timeRemaining">} deadline */
function run(deadline) {
  isScheduled = false;
  do tasks.shift()?.();
  while (tasks.length && deadline.timeRemaining() > SPARE);
  schedule();
}
