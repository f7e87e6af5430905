import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProcess } from './process.ts';

/** What a process of `collectingService` holds outside of the kernel, in bytes, once its garbage is collected: the least of some looks. */
export async function heldBytes(service: TestProcess, url: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i += 1) {
    service.child.kill('SIGUSR2');
    await sleep(200);
    const text = await (await fetch(`${url}/metrics`)).text();
    const of = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    least = Math.min(least, of('nodejs_heap_size_used_bytes') + of('nodejs_external_memory_bytes'));
  }
  return least;
}
