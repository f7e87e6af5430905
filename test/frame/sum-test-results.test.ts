import { describe, expect, it } from 'vitest';
import { closingLine, countResult } from '../../scripts/sum-test-results.ts';

const test = (status: string) => ({ status, fullName: 'a sentence' });

function result(
  counts: { passed?: number; failed?: number; pending?: number; todo?: number },
  files: { status: string; assertionResults: { status: string; fullName: string }[] }[] = [],
): string {
  return JSON.stringify({
    numPassedTests: counts.passed ?? 0,
    numFailedTests: counts.failed ?? 0,
    numPendingTests: counts.pending ?? 0,
    numTodoTests: counts.todo ?? 0,
    testResults: files.map((file) => ({ name: 'x.test.ts', ...file })),
  });
}

describe('the sum of test results', () => {
  it('counts passed and failed tests as they are', () => {
    const files = [{ status: 'failed', assertionResults: [test('passed'), test('failed')] }];
    expect(countResult(result({ passed: 41, failed: 1 }, files))).toEqual({
      passed: 41,
      failed: 1,
      skipped: 0,
    });
  });

  it('counts a file that could not be loaded as one failure', () => {
    const files = [{ status: 'failed', assertionResults: [] }];
    expect(countResult(result({ passed: 3 }, files))).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });

  it('counts skipped and planned tests together', () => {
    expect(countResult(result({ passed: 1, pending: 2, todo: 3 })).skipped).toBe(2 + 3);
  });

  it('refuses a file of another shape', () => {
    expect(() => countResult('{}')).toThrow();
  });

  it('closes with the plain line, and names skipped tests only where there are some', () => {
    expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe('12 passed, 0 failed');
    expect(closingLine({ passed: 12, failed: 1, skipped: 2 })).toBe('12 passed, 1 failed, 2 skipped');
  });
});
