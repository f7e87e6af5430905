import type { Clock } from './clock.ts';
import { DAY_MS } from './duration.ts';

/** Calls `work` at the instant; at once when it is past, never when there is none. */
export function atInstant(
  clock: Clock,
  instantMs: number | undefined,
  work: () => void,
): { readonly cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  // A timer reaches 24 days, and an instant may be further away.
  const wait = (): void => {
    if (instantMs === undefined) return;
    const leftMs = Math.max(0, instantMs - clock.now());
    timer = setTimeout(leftMs > DAY_MS ? wait : work, Math.min(leftMs, DAY_MS));
  };
  wait();
  return { cancel: () => clearTimeout(timer) };
}
