import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** What counts of a result file that vitest's json reporter wrote. */
const VitestResult = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
      name: z.string(),
    }),
  ),
});

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts one result file. A test file that failed as a whole (it could not be loaded, a hook threw) holds
 * no failed test, and counts as one.
 */
export function countResult(json: string): Counts {
  const result = VitestResult.parse(JSON.parse(json));
  const brokenFiles = result.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + brokenFiles.length,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** The closing line, as runners of every kind are read: `12 passed, 0 failed`. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  let ok = true;
  for (const file of process.argv.slice(2)) {
    if (!existsSync(file)) {
      console.log(`${basename(file, '.json')}: no result was written`);
      ok = false;
      continue;
    }
    const run = countResult(readFileSync(file, 'utf8'));
    if (run.passed === 0 || run.failed > 0 || run.skipped > 0) ok = false;
    console.log(
      `${basename(file, '.json')}: passed ${run.passed}, failed ${run.failed}, skipped ${run.skipped}`,
    );
    total = {
      passed: total.passed + run.passed,
      failed: total.failed + run.failed,
      skipped: total.skipped + run.skipped,
    };
  }
  console.log(closingLine(total));
  process.exitCode = ok ? 0 : 1;
}
