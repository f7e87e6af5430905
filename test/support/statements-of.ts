import pg from 'pg';

/** A statement as node-postgres is asked for it. */
export interface AskedStatement {
  /** Of one that is prepared. */
  readonly name: string | undefined;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Every statement that this process sends to PostgreSQL as long as `work` runs, in their order. */
export async function statementsOf(work: () => Promise<unknown>): Promise<AskedStatement[]> {
  const asked: AskedStatement[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function capture(this: pg.Client, ...parameters: unknown[]) {
    const [first, second] = parameters;
    const config =
      typeof first === 'string' ? { text: first, values: second } : (first as Partial<AskedStatement>);
    if (config?.text !== undefined) {
      asked.push({
        name: 'name' in config ? config.name : undefined,
        text: config.text,
        values: Array.isArray(config.values) ? config.values : [],
      });
    }
    return Reflect.apply(original, this, parameters);
  } as typeof original;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = original;
  }
  return asked;
}
