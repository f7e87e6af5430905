// Prometheus' staleness marker is the signalling NaN 7ff0000000000002. The language may turn one NaN into another
// whenever a number passes through a variable, so the marker is written and read as bits only.
const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 0x00000002;

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const LOW = LITTLE_ENDIAN ? 0 : 1;

function bitsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

/** Marks the series as gone from this sample on. */
export function markStale(values: Float64Array, index: number): void {
  const bits = bitsOf(values);
  bits[index * 2 + LOW] = STALE_LOW;
  bits[index * 2 + 1 - LOW] = STALE_HIGH;
}

/** Tells which NaN of a column is a staleness marker; costs a look at the bits, so ask for NaN only. */
export function staleReader(values: Float64Array): (index: number) => boolean {
  const bits = bitsOf(values);
  return (index) => bits[index * 2 + LOW] === STALE_LOW && bits[index * 2 + 1 - LOW] === STALE_HIGH;
}
