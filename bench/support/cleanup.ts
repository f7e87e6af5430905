type Cleanup = () => Promise<unknown>;

const cleanups: Cleanup[] = [];

/** Has `cleanup` run when the bench ends, however it does; the newest first. */
export function atEnd(cleanup: Cleanup): void {
  cleanups.push(cleanup);
}

/** Runs what is to be run at the end; a failure does not keep the others from it. */
export async function cleanUp(): Promise<void> {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) {
    await cleanup().catch((error: unknown) => process.stderr.write(`cleaning up failed: ${String(error)}\n`));
  }
}
