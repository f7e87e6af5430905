import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';
import { CREATE, DELETE, READ, UPDATE } from './slo-documents.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

async function create(input: Record<string, unknown>, account?: string) {
  const { data } = await client.ask(CREATE, { input }, { ...(account && { account }) });
  return data.createSlo;
}

describe('updateSlo', () => {
  it('changes what is given and leaves the rest', async () => {
    await create({ name: 'changing', target: 0.9, displayName: 'Before', labels: { team: 'a', tier: '1' } });
    const { data } = await client.ask(UPDATE, {
      id: 'default.changing',
      patch: { description: 'Now with words', labels: { team: 'b' }, target: 0.95 },
    });
    expect(data.updateSlo).toEqual({
      slo: {
        displayName: 'Before',
        description: 'Now with words',
        service: 'changing',
        labels: { team: 'b', tier: '1' },
        timeWindow: { type: 'rolling', duration: '28d' },
        objectives: [{ name: 'default', target: 0.95, timeSliceTarget: null }],
      },
      errors: [],
    });
  });

  it('takes null for left out, and removes labels by a null of their own', async () => {
    const kept = {
      displayName: 'Before',
      description: 'As it was',
      service: 'shop',
      timeWindow: { type: 'rolling', duration: '7d' },
    };
    await create({ name: 'nulls', target: 0.9, labels: { team: 'a', tier: '1' }, ...kept });
    const { data } = await client.ask(UPDATE, {
      id: 'default.nulls',
      patch: {
        displayName: null,
        description: null,
        service: null,
        labels: { team: null },
        budgetingMethod: null,
        timeSliceWindow: null,
        timeWindow: null,
        sli: null,
        objectives: null,
        target: null,
        targetPercent: null,
        alertPolicy: null,
      },
    });
    expect(data.updateSlo).toMatchObject({
      slo: { ...kept, labels: { tier: '1' }, objectives: [{ target: 0.9 }] },
      errors: [],
    });
    const nothing = await client.ask(UPDATE, { id: 'default.nulls', patch: { labels: null } });
    expect(nothing.data.updateSlo).toMatchObject({ slo: { labels: { tier: '1' } }, errors: [] });
  });

  it('takes null for left out in an objective too', async () => {
    const objective = { name: 'a', target: 0.9, displayName: 'Before', timeSliceTarget: 0.8 };
    await create({ name: 'objective-nulls', budgetingMethod: 'TIMESLICES', objectives: [objective] });
    const nulls = { displayName: null, target: null, targetPercent: null, primary: null, remove: null };
    const { data } = await client.ask(UPDATE, {
      id: 'default.objective-nulls',
      patch: { objectives: [{ name: 'a', timeSliceTarget: null, op: null, value: null, ...nulls }] },
    });
    expect(data.updateSlo).toMatchObject({
      slo: { objectives: [{ name: 'a', target: 0.9, timeSliceTarget: 0.8 }] },
      errors: [],
    });
  });

  it('matches objectives by name, adds and removes', async () => {
    await create({
      name: 'several',
      objectives: [
        { name: 'a', target: 0.9 },
        { name: 'b', target: 0.99 },
        { name: 'c', target: 0.999 },
      ],
    });
    const { data } = await client.ask(UPDATE, {
      id: 'default.several',
      patch: {
        objectives: [
          { name: 'b', target: 0.98, targetPercent: null, remove: null },
          { name: 'c', remove: true },
          { name: 'd', target: 0.5 },
        ],
      },
    });
    expect(data.updateSlo.errors).toEqual([]);
    expect(data.updateSlo.slo.objectives).toMatchObject([
      { name: 'a', target: 0.9 },
      { name: 'b', target: 0.98 },
      { name: 'd', target: 0.5 },
    ]);
  });

  it('says where in the patch it is wrong', async () => {
    await create({ name: 'patched', target: 0.9 });
    const { data } = await client.ask(UPDATE, {
      id: 'default.patched',
      patch: {
        objectives: [
          { name: 'default', target: 0.95 },
          { name: 'more', timeSliceTarget: 0.5 },
        ],
      },
    });
    expect(data.updateSlo.slo).toBeNull();
    const paths = data.updateSlo.errors.map(({ path }: { path: string }) => path);
    expect(paths).toContain('objectives[1].target');
  });
});

describe('slo and deleteSlo', () => {
  it('find by UUID and by project.name', async () => {
    const { slo } = await create({ name: 'found', project: 'web', target: 0.9 });
    for (const id of [slo.id, 'web.found', slo.id.toUpperCase()]) {
      expect((await client.ask(READ, { id })).data.slo).toEqual({ id: slo.id, name: 'found' });
    }
  });

  it('answer alike for what is missing and for what is foreign', async () => {
    const { slo } = await create({ name: 'mine', target: 0.9 }, 'theirs');
    const missing = '00000000-0000-4000-8000-000000000000';
    for (const id of [
      slo.id,
      'default.mine',
      missing,
      'default.nothing',
      'nonsense',
      '',
      "'; --",
      'x'.repeat(9999),
    ]) {
      expect(await client.ask(READ, { id })).toEqual({ status: 200, data: { slo: null }, errors: [] });
      expect((await client.ask(DELETE, { id })).data.deleteSlo).toEqual({
        deletedId: null,
        errors: [{ path: '', code: 'NOT_FOUND', message: 'There is no such SLO.' }],
      });
      expect((await client.ask(UPDATE, { id, patch: {} })).data.updateSlo).toEqual({
        slo: null,
        errors: [{ path: '', code: 'NOT_FOUND', message: 'There is no such SLO.' }],
      });
    }
  });

  it('delete what is there, once', async () => {
    const { slo } = await create({ name: 'going', target: 0.9 });
    const first = await client.ask(DELETE, { id: 'default.going' });
    expect(first.data.deleteSlo).toEqual({ deletedId: slo.id, errors: [] });
    expect((await client.ask(READ, { id: slo.id })).data.slo).toBeNull();
    const second = await client.ask(DELETE, { id: slo.id });
    expect(second.data.deleteSlo).toMatchObject({ deletedId: null, errors: [{ code: 'NOT_FOUND' }] });
  });

  it('see within one document what its earlier mutations did', async () => {
    await create({ name: 'serial', target: 0.9 });
    const { data } = await client.ask(/* GraphQL */ `
      mutation {
        first: updateSlo(id: "default.serial", patch: { displayName: "One" }) { slo { displayName } }
        second: updateSlo(id: "default.serial", patch: { displayName: "Two" }) { slo { displayName } }
      }
    `);
    expect(data.first.slo.displayName).toBe('One');
    expect(data.second.slo.displayName).toBe('Two');
  });
});
