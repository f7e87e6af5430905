import Big from 'big.js';

const bits = new DataView(new ArrayBuffer(8));

/**
 * The number to its last bit. `new Big(0.1)` is the shortest decimal that reads back as 0.1; this is the
 * binary fraction itself, so that sums and differences of such decimals lose nothing.
 */
export function exactDecimal(value: number): Big {
  if (Number.isInteger(value)) return new Big(value);
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4));
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  // value = mantissa / 2^places, and 1 / 2^n = 5^n / 10^n.
  const places = 1075 - Math.max(1, exponent);
  const magnitude = new Big(`${mantissa * 5n ** BigInt(places)}e-${places}`);
  return value < 0 ? magnitude.neg() : magnitude;
}
