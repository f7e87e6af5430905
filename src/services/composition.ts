import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import type {
  CompositeRule,
  DefinitionRevision,
  ResolvedComponent,
  Slo,
  SloDefinition,
} from '../slo/definition.ts';
import type { Tx } from '../storage/client.ts';
import { lockComposition, saveLevel, selectComposites } from '../storage/composite-places.ts';
import { selectAllSlos } from '../storage/slos.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';

/** What decides a definition's statuses from now on. */
export type RevisionBody = Omit<DefinitionRevision, 'fromMs'>;

const nameOf = ({ project, name }: Pick<SloDefinition, 'project' | 'name'>): string => `${project}.${name}`;

/**
 * Looks up what the components of a definition stand for, and locks their SLOs until the end of the transaction,
 * so that nothing comes in for them unseen. Null for no composite. Throws `invalid` with a detail per component
 * that there is not, and for a cycle, naming its path.
 */
export async function resolveComposition(
  tx: Tx,
  accountId: string,
  definition: SloDefinition,
): Promise<CompositeRule | null> {
  const { sli } = definition;
  if (sli.type !== 'composite') return null;
  await lockComposition(tx, accountId);
  const found = await slosByReference(
    tx,
    accountId,
    sli.components.map(({ project, slo }) => `${project}.${slo}`),
    { lock: true },
  );
  const details: ErrorDetail[] = [];
  const components = sli.components.flatMap((component, i): ResolvedComponent[] => {
    const slo = found[i];
    const path = `sli.components[${i}]`;
    if (nameOf({ project: component.project, name: component.slo }) === nameOf(definition)) {
      details.push({
        path: `${path}.slo`,
        message: `makes a cycle: ${nameOf(definition)} -> ${nameOf(definition)}`,
      });
    } else if (slo === null || slo === undefined) {
      details.push({ path: `${path}.slo`, message: 'is not an SLO of the account' });
    } else if (!slo.objectives.some(({ name }) => name === component.objective)) {
      details.push({ path: `${path}.objective`, message: 'is not an objective of that SLO' });
    } else {
      return [{ ...component, sloId: slo.id }];
    }
    return [];
  });
  if (details.length === 0) {
    const all = new Map((await selectAllSlos(tx, accountId, {})).map((slo) => [nameOf(slo), slo]));
    sli.components.forEach(({ project, slo }, i) => {
      const path = pathTo(all, `${project}.${slo}`, nameOf(definition));
      if (path === null) return;
      const shown = [nameOf(definition), ...path].join(' -> ');
      details.push({ path: `sli.components[${i}].slo`, message: `makes a cycle: ${shown}` });
    });
  }
  if (details.length > 0) throw new ServiceError('invalid', 'The composite is not valid.', { details });
  return { components, maxDelayMs: sli.maxDelayMs, aggregation: sli.aggregation };
}

/** The way down from one SLO to another by components; null where there is none. */
function pathTo(
  all: ReadonlyMap<string, Slo>,
  from: string,
  to: string,
  seen: Set<string> = new Set(),
): string[] | null {
  if (from === to) return [from];
  if (seen.has(from)) return null;
  seen.add(from);
  const sli = all.get(from)?.sli;
  if (sli?.type !== 'composite') return null;
  for (const { project, slo } of sli.components) {
    const rest = pathTo(all, `${project}.${slo}`, to, seen);
    if (rest !== null) return [from, ...rest];
  }
  return null;
}

/** Sets the places of a composite and of those above it in the order of locks. */
export async function saveLevels(tx: Tx, accountId: string, composite: Pick<Slo, 'id'>): Promise<void> {
  const places = await selectComposites(tx, accountId);
  const [own] = await slosByReference(tx, accountId, [composite.id]);
  if (own === null || own === undefined) return;
  const ids = own.revisions.flatMap(
    ({ composite: rule }) => rule?.components.map(({ sloId }) => sloId) ?? [],
  );
  const known = [
    ...places.filter(({ id }) => id !== own.id),
    { id: own.id, level: own.level, componentIds: ids },
  ];
  const levels = new Map(known.map(({ id, level }) => [id, level]));
  // A component that was taken out still comes first; so many rounds reach the highest.
  for (let round = 0; round <= known.length; round += 1) {
    let changed = false;
    for (const { id, componentIds } of known) {
      const level = 1 + Math.max(0, ...componentIds.map((component) => levels.get(component) ?? 0));
      if (level <= (levels.get(id) ?? 0)) continue;
      levels.set(id, level);
      changed = true;
    }
    if (!changed) break;
  }
  for (const [id, level] of levels) {
    if (level !== (known.find((one) => one.id === id)?.level ?? 0)) await saveLevel(tx, accountId, id, level);
  }
}

/**
 * Throws `conflict`, naming the composites, where one is made of the SLO, or of one of these objectives of it.
 * No composite of the account changes until the end of the transaction.
 */
export async function assertNoComponent(
  tx: Tx,
  slo: Slo,
  objectives: readonly string[] | null,
): Promise<void> {
  const { accountId } = slo;
  const places = await selectComposites(tx, accountId);
  const near = places.filter(({ componentIds }) => componentIds.includes(slo.id));
  const composites = await slosByReference(
    tx,
    accountId,
    near.map(({ id }) => id),
  );
  for (const composite of composites) {
    if (composite?.sli.type !== 'composite') continue;
    const used = composite.sli.components.find(
      (component) =>
        component.project === slo.project &&
        component.slo === slo.name &&
        (objectives === null || objectives.includes(component.objective)),
    );
    if (used === undefined) continue;
    const what = objectives === null ? nameOf(slo) : `The objective ${used.objective} of ${nameOf(slo)}`;
    throw new ServiceError('conflict', `${what} is a component of the composite ${nameOf(composite)}.`);
  }
}
