import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { ServiceError } from '../../src/lib/errors.ts';
import { neverFiresWarnings } from '../../src/slo/alerting.ts';
import { applySloPatch, definitionToWire, parseSloInput } from '../../src/slo/definition-schema.ts';

const BURN = { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 14.4 };
const withPolicy = (policy: unknown) => ({ name: 'api', target: 0.99, alert_policy: policy });

function faultsOf(policy: unknown): string[] {
  try {
    parseSloInput(withPolicy(policy));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return error.details.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('an alert policy', () => {
  const policy = {
    conditions: [
      { ...BURN, resolve_after: '10m', labels: { tier: 'one' }, runbook_url: 'https://example.com/burn' },
      { type: 'budget', severity: 'ticket', below: 0.25 },
      { type: 'time_to_exhaustion', severity: 'page', below: '12h' },
      { type: 'no_data', severity: 'ticket', for: '30m' },
    ],
    labels: { team: 'payments' },
    runbook_url: 'https://example.com/all',
    silences: [{ starts_at: '2026-03-10T12:00:00Z', ends_at: '2026-03-10T14:00:00Z', reason: 'migration' }],
  };

  test('is read as it was written', () => {
    const definition = parseSloInput(withPolicy(policy));
    expect(definition.alertPolicy.conditions[0]).toEqual({
      type: 'burn_rate',
      severity: 'page',
      longMs: HOUR_MS,
      shortMs: 5 * MINUTE_MS,
      factor: 14.4,
      resolveAfterMs: 10 * MINUTE_MS,
      labels: { tier: 'one' },
      runbookUrl: 'https://example.com/burn',
    });
    expect(definitionToWire(definition).alert_policy).toEqual(policy);
  });

  test('may be an empty list: no alerts', () => {
    expect(parseSloInput(withPolicy({ conditions: [] })).alertPolicy).toEqual({ conditions: [] });
  });

  test('is merged: what a patch leaves out stays, and null takes away', () => {
    const before = parseSloInput(withPolicy(policy));
    const after = applySloPatch(before, {
      alert_policy: { labels: { team: null, tier: 'two' }, silences: null, runbook_url: null },
    });
    expect(after.alertPolicy).toEqual({
      conditions: before.alertPolicy.conditions,
      labels: { tier: 'two' },
    });
    expect(applySloPatch(before, { alert_policy: null }).alertPolicy).toEqual({ conditions: 'default' });
    expect(applySloPatch(before, { alert_policy: { conditions: 'default' } }).alertPolicy).toEqual({
      ...before.alertPolicy,
      conditions: 'default',
    });
  });

  test.each<[string, unknown, string[]]>([
    ['without conditions', {}, ['alert_policy.conditions: must be "default" or a list of conditions']],
    [
      'a list of more than twenty',
      {
        conditions: Array.from({ length: 21 }, (_, i) => ({
          type: 'budget',
          severity: 'page',
          below: i / 100,
        })),
      },
      ['alert_policy.conditions: must have at most 20 items'],
    ],
    [
      'a condition of no known type',
      { conditions: [BURN, { type: 'mood', severity: 'page' }] },
      [
        'alert_policy.conditions[1].type: must be one of "burn_rate", "budget", "time_to_exhaustion", "no_data"',
      ],
    ],
    [
      'a burn rate without a factor',
      { conditions: [{ ...BURN, factor: undefined }] },
      ['alert_policy.conditions[0].factor: is required'],
    ],
    [
      'a burn rate of zero',
      { conditions: [{ ...BURN, factor: 0 }] },
      ['alert_policy.conditions[0].factor: must be above 0'],
    ],
    [
      'a short window that is the longer one',
      { conditions: [{ ...BURN, short_window: '2h' }] },
      ['alert_policy.conditions[0].short_window: must not be longer than the long window'],
    ],
    [
      'seconds',
      { conditions: [{ ...BURN, short_window: '90s' }] },
      ['alert_policy.conditions[0].short_window: must be whole minutes'],
    ],
    [
      'the same alert twice, though by another factor',
      { conditions: [BURN, { ...BURN, factor: 2 }] },
      ['alert_policy.conditions[1]: is the same alert as conditions[0]'],
    ],
    [
      'a runbook that is no address',
      { conditions: 'default', runbook_url: 'javascript:alert(1)' },
      ['alert_policy.runbook_url: must be an http or https address'],
    ],
    [
      'a silence that ends before it starts',
      {
        conditions: 'default',
        silences: [{ starts_at: '2026-03-10T12:00:00Z', ends_at: '2026-03-10T11:00:00Z' }],
      },
      ['alert_policy.silences[0].ends_at: must be after starts_at'],
    ],
    [
      'a silence without an end',
      { conditions: 'default', silences: [{}] },
      ['alert_policy.silences[0].ends_at: is required'],
    ],
    [
      'an unknown field',
      { conditions: [{ ...BURN, burn: 2 }] },
      ['alert_policy.conditions[0].burn: is not a known field'],
    ],
  ])('%s is refused with its path', (_, input, faults) => {
    expect(faultsOf(input)).toEqual(faults);
  });

  test('warns of what can never fire', () => {
    const now = Date.parse('2026-11-10T00:00:00Z');
    const { objectives, alertPolicy } = parseSloInput({
      name: 'api',
      target: 0.9,
      alert_policy: {
        conditions: [
          BURN,
          { ...BURN, long_window: '2d', factor: 2 },
          // At 90 % a full outage leaves 1 - 1 / 0.1 = -9.
          { type: 'budget', severity: 'page', below: -9 },
          { type: 'budget', severity: 'page', below: -8 },
        ],
      },
    });
    const timeWindow = { type: 'rolling', durationMs: DAY_MS } as const;
    expect(neverFiresWarnings({ timeWindow, objectives, alertPolicy }, now)).toEqual([
      'The page alert over 2d and 5m can never fire, since it looks back further than the time window.',
      'Objective "default": the page alert over 1h and 5m can never fire, since it needs a burn rate of 14.4 ' +
        'and a full outage burns at 10 with a target of 0.9.',
      'Objective "default": the page alert on a budget below -9 can never fire, since a full outage leaves -9 ' +
        'with a target of 0.9.',
    ]);
  });
});
