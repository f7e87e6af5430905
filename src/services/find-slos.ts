import { ServiceError } from '../lib/errors.ts';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from '../storage/client.ts';
import { parseReference } from '../storage/slo-reference.ts';
import { keptSlo } from '../storage/slo-versions.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';
import type { ServiceContext } from './context.ts';

/** The same words for what does not exist and for what is another account's. */
const noSuchSlo = (): ServiceError => new ServiceError('not_found', 'There is no such SLO.');

/** The SLOs that the references name, each a UUID or `project.name`; null for none of the account's. */
export async function findSlos({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly ids: readonly string[] };
}): Promise<(Slo | null)[]> {
  if (input.ids.length === 0) return [];
  const { accountId } = ctx.actor;
  // A dashboard asks for the same SLO over and over: mostly one round trip tells that it is as it was.
  const [only] = input.ids;
  const ref = input.ids.length === 1 && only !== undefined ? parseReference(only) : null;
  const kept = ref === null ? null : await keptSlo(ctx.db, accountId, ref);
  return kept !== null ? [kept] : ctx.db.tenant(accountId, (tx) => slosByReference(tx, accountId, input.ids));
}

/** One SLO; `not_found` when the account has none by that reference. */
export async function getSlo({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string };
}): Promise<Slo> {
  const [slo] = await findSlos({ ctx, input: { ids: [input.id] } });
  if (slo === null || slo === undefined) throw noSuchSlo();
  return slo;
}

/** As `getSlo`, inside a transaction, and locked until its end. */
export async function lockSlo(tx: Tx, accountId: string, id: string): Promise<Slo> {
  const [slo] = await slosByReference(tx, accountId, [id], { lock: true });
  if (slo === null || slo === undefined) throw noSuchSlo();
  return slo;
}
