import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScript } from './conformance/run-script.ts';

// Runs every PromQL test script of a directory: npm run conformance -- DIR [--skipped]
const [directory, option] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: npm run conformance -- DIR [--skipped]');
  process.exit(2);
}

const files = readdirSync(directory)
  .filter((file) => file.endsWith('.test'))
  .sort();
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  const report = await runScript(readFileSync(join(directory, file), 'utf8'));
  for (const { line, expr, reason } of report.failed) console.log(`${file}:${line}: ${expr}\n    ${reason}`);
  if (option === '--skipped')
    for (const { line, expr, reason } of report.skipped)
      console.log(`${file}:${line}: ${expr}\n    skipped: ${reason}`);
  console.log(`${file}: ${counts(report.passed, report.failed.length, report.skipped.length)}`);
  passed += report.passed;
  failed += report.failed.length;
  skipped += report.skipped.length;
}
console.log(counts(passed, failed, skipped));
// A directory without a case proves nothing.
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function counts(passedCases: number, failedCases: number, skippedCases: number): string {
  return `${passedCases} passed, ${failedCases} failed, ${skippedCases} skipped`;
}
