/**
 * Runs in the page's head, before Gradio: loops of animation frames that go on for long are slowed to one frame a
 * second. Gradio's start leaves such a loop behind, which counts the time of a start that is long over: 60 times a
 * second, for as long as the page is open, at some percent of a core.
 */
(() => {
  const LONG = 600; // frames in a row, each asked for in the one before: ten seconds
  const REST = 1000; // milliseconds
  const ask = window.requestAnimationFrame.bind(window);
  const cancel = window.cancelAnimationFrame.bind(window);
  /** The timers of slowed frames, by what was answered for them. @type {Map<number, ReturnType<typeof setTimeout>>} */
  const resting = new Map();
  let depth = 0; // of the loop whose frame is running

  window.requestAnimationFrame = (callback) => {
    const frame = depth + 1;
    /** @param {number} time */
    const run = (time) => {
      depth = frame;
      try {
        callback(time);
      } finally {
        depth = 0;
      }
    };
    if (frame < LONG) return ask(run);
    const id = -1 - Math.floor(Math.random() * 2 ** 50);
    resting.set(id, setTimeout(() => {
      resting.delete(id);
      ask(run);
    }, REST));
    return id;
  };
  window.cancelAnimationFrame = (id) => {
    clearTimeout(resting.get(id));
    resting.delete(id);
    cancel(id);
  };
})();
