import { ServiceError } from '../../lib/errors.ts';
import { type GenerateReportsInput, generateReports, type Report } from '../../services/generate-reports.ts';
import type { GraphqlContext } from './context.ts';

/** The reports; none for an SLO that is not there. */
export async function readReports(
  { batchers, services }: GraphqlContext,
  input: GenerateReportsInput,
): Promise<Report[]> {
  try {
    return await batchers.gate(() => generateReports({ ctx: services, input }));
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'not_found') return [];
    throw error;
  }
}
