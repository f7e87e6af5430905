import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TextBuffer } from '../../src/api/text-buffer.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });

it('holds the UTF-8 of all pieces, one after the other, however long they are', () => {
  const pieces = fc.array(
    fc.tuple(text, fc.constantFrom(1, 1, 500, 8000)).map(([piece, times]) => piece.repeat(times)),
  );
  fc.assert(
    fc.property(pieces, (all) => {
      const buffer = new TextBuffer();
      all.forEach((piece, i) => {
        if (i === 1) buffer.expect(2 * all.length * buffer.length);
        buffer.add(piece);
        expect(buffer.length).toBe(Buffer.byteLength(all.slice(0, i + 1).join('')));
      });
      // A character of two units is never cut in two by its piece.
      expect(Buffer.from(buffer.encoded()).toString()).toBe(all.join(''));
    }),
  );
});

it('holds nothing at first', () => {
  expect(new TextBuffer().encoded()).toHaveLength(0);
});
