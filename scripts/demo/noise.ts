/** The words of a series as a number, FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Spreads every bit over all others; the finalizer of MurmurHash3. */
function spread(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** By index: a number in [0, 1) that looks random, and is the same whenever it is asked for. */
export type Noise = (index: number) => number;

/** The noise of one series. Two names, or two seeds, have nothing in common. */
export function createNoise(seed: number, name: string): Noise {
  const base = spread(hashOf(name) ^ spread(seed));
  return (index) => spread(base ^ spread(index + 1)) / 2 ** 32;
}
