import { z } from 'zod';

export const stateSchema = z
  .enum(['exhausted', 'at_risk', 'healthy', 'no_data'])
  .meta({ description: 'From worst to best; no_data while nothing was observed in the window.' });

/** A figure that is null when nothing was observed. */
export const figure = (description: string) => z.number().nullable().meta({ description });
