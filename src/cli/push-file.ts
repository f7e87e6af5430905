import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { StartError } from '../lib/errors.ts';
import { openLines } from './open-lines.ts';
import { progressBar } from './progress-bar.ts';
import type { ServiceClient } from './service-client.ts';
import type { Terminal } from './terminal.ts';

/** Lines of one request: small enough to be told often how far it is. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const HEAD_BYTES = 64 * 1024;
const SHOWN_ERRORS = 20;
const NEWLINE = 0x0a;

/**
 * How far a file was pushed. It lies beside the file until all is done. The `open` lines go along once more with
 * the next ones: see open-lines.ts.
 */
const positionSchema = z.object({
  head: z.string(),
  bytes: z.number(),
  line: z.number(),
  accepted: z.number(),
  rejected: z.number(),
  open: z.array(z.string()),
});

type Position = z.infer<typeof positionSchema>;

/** Pushes a file of measurements in parts, from where an earlier run was interrupted. */
export async function pushFile(
  client: ServiceClient,
  file: string,
  { write, note }: Terminal,
): Promise<void> {
  const size = (await stat(file).catch((cause: unknown) => cannotRead(file, cause))).size;
  const head = await headOf(file, size);
  const noted = `${file}.backfill`;
  const known = await readPosition(noted);
  let position: Position =
    known?.head === head && known.bytes <= size
      ? known
      : { head, bytes: 0, line: 0, accepted: 0, rejected: 0, open: [] };
  if (position.bytes > 0) note(`going on after line ${position.line}\n`);
  const ids = await client.slos();
  const bar = progressBar(note);
  let shownErrors = 0;
  for await (const chunk of chunksOf(file, position.bytes)) {
    const carried = position.open;
    // An editor's byte order mark says nothing.
    const lines = chunk.text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .filter((line, i, all) => i < all.length - 1 || line !== '');
    const result = await client.push([...carried, ...lines].join('\n'));
    for (const { line, message } of result.errors) {
      const number = position.line + line - carried.length;
      if (line <= carried.length || shownErrors >= SHOWN_ERRORS) continue;
      note(`\rline ${number}: ${message}\n`);
      shownErrors += 1;
    }
    const refusedAgain = result.errors.filter(({ line }) => line <= carried.length).length;
    position = {
      head,
      bytes: position.bytes + chunk.bytes,
      line: position.line + lines.length,
      accepted: position.accepted + result.accepted - (carried.length - refusedAgain),
      rejected: position.rejected + result.rejected - refusedAgain,
      open: openLines([...carried, ...lines], (reference) => ids.get(reference) ?? reference),
    };
    await writePosition(noted, position);
    bar.show(position.bytes / size, `line ${position.line}`);
  }
  bar.end();
  await rm(noted, { force: true });
  const { accepted, rejected } = position;
  write(`${JSON.stringify({ accepted, rejected })}\n`);
  if (rejected > 0) throw new StartError(`backfill: ${rejected} lines were refused`, 1);
}

function cannotRead(file: string, cause: unknown): never {
  throw new StartError(`backfill: ${file} cannot be read`, 1, { cause });
}

/** Tells one file from another of the same name. */
async function headOf(file: string, size: number): Promise<string> {
  const handle = await open(file, 'r').catch((cause: unknown) => cannotRead(file, cause));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return createHash('sha256').update(`${size} `).update(buffer.subarray(0, bytesRead)).digest('hex');
  } finally {
    await handle.close();
  }
}

async function readPosition(noted: string): Promise<Position | null> {
  const text = await readFile(noted, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return positionSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** A crash leaves the old one or the new one, never a half. */
async function writePosition(noted: string, position: Position): Promise<void> {
  await writeFile(`${noted}.new`, JSON.stringify(position), { mode: 0o600 });
  await rename(`${noted}.new`, noted);
}

/** Whole lines from an offset on, about CHUNK_BYTES of them at a time; the last may lack its newline. */
async function* chunksOf(file: string, start: number): AsyncGenerator<{ text: string; bytes: number }> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of createReadStream(file, { start })) {
    const buffer: Buffer = part;
    const end = buffer.lastIndexOf(NEWLINE) + 1;
    if (bytes + buffer.length < CHUNK_BYTES || end === 0) {
      parts.push(buffer);
      bytes += buffer.length;
      continue;
    }
    const whole = Buffer.concat([...parts, buffer.subarray(0, end)]);
    yield { text: whole.toString('utf8'), bytes: whole.length };
    parts = [buffer.subarray(end)];
    bytes = buffer.length - end;
  }
  const rest = Buffer.concat(parts);
  if (rest.length > 0) yield { text: rest.toString('utf8'), bytes: rest.length };
}
