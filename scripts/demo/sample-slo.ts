import type { z } from 'zod';
import type { adjustmentInputSchema } from '../../src/slo/adjustment-schema.ts';
import type { SloInput } from '../../src/slo/definition-shape.ts';
import type { Measure } from './measures.ts';

/** What tells the sample's SLOs from anybody else's. */
export const SAMPLE_LABEL = { sample: 'demo' } as const;
/** The entry of PROMETHEUS_SOURCES that stands for the tracker's own Prometheus API. */
export const OWN_SOURCE = 'own';
/** The longest history: more than the longest window in use. */
export const HISTORY_DAYS = 35;

type AdjustmentInput = z.input<typeof adjustmentInputSchema>;

export interface SampleSlo {
  /** As `POST /api/v1/slos` takes it. */
  readonly definition: SloInput & { readonly project: string };
  /** As `POST /api/v1/slos/{id}/adjustments` takes them. */
  readonly adjustments: readonly AdjustmentInput[];
  /** What is pushed. Null: composed, pulled, or never measured. */
  readonly measure: Measure | null;
}

/** `project.name`, as an SLO is named everywhere. */
export function referenceOf({ definition }: SampleSlo): string {
  return `${definition.project}.${definition.name}`;
}

/** Makes the SLOs of one project. */
export function sloMaker(project: string, team: string) {
  return (
    definition: Omit<SloInput, 'project' | 'labels'>,
    measure: Measure | null,
    adjustments: readonly AdjustmentInput[] = [],
  ): SampleSlo => ({
    definition: { ...definition, project, labels: { team, ...SAMPLE_LABEL } },
    measure,
    adjustments,
  });
}

export const rolling = (duration: string) => ({ type: 'rolling', duration }) as const;
