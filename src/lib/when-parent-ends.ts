const CHECK_MS = 250;

/**
 * Tells once when the process that started this one is gone, however it went: npm passes SIGTERM on, but not its own
 * violent death. Does not keep the process alive.
 */
export function whenParentEnds(onEnd: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onEnd();
  }, CHECK_MS);
  timer.unref();
}
