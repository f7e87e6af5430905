import { z } from 'zod';
import { isAccountId } from './lib/account-id.ts';

/** A Prometheus that the operator lets the listed accounts query. */
export interface PrometheusSource {
  /** Without a trailing slash, query and user. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly accounts: readonly string[];
}

/** What the columns of a mapped table stand for, by their names. Besides `time` it has exactly one measure. */
export interface TableColumns {
  /** When it happened: a timestamp, with or without time zone. */
  readonly time: string;
  /** The account that a row belongs to; by default `source_account_id` where the table has it. */
  readonly account?: string | undefined;
  /** A row is one event, good when the column has one of these values; with `bad`, any third value is no event. */
  readonly status?:
    | {
        readonly column: string;
        readonly good: readonly string[];
        readonly bad?: readonly string[] | undefined;
      }
    | undefined;
  /** Two of these: counts of events. */
  readonly good?: string | undefined;
  readonly bad?: string | undefined;
  readonly total?: string | undefined;
  /** A measured value, for threshold SLIs. */
  readonly value?: string | undefined;
  /** Columns that an SLO may filter by. */
  readonly filters?: readonly string[] | undefined;
}

/** A table that the operator lets the listed accounts read. */
export interface TableSource {
  /** `table` of the schema public, or `schema.table`. */
  readonly table: string;
  readonly columns: TableColumns;
  readonly accounts: readonly string[];
}

const accounts = z
  .array(
    z
      .string()
      .refine(isAccountId, { error: 'must be an account id: letters, digits and _ . : -, at most 128' }),
  )
  .min(1);

/** A header's name, and a value that can stand in one. */
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'is no name of a header' });
const headerValue = z.string().regex(/^[\t\x20-\x7e]*$/, { error: 'must be plain text of one line' });
/** Set by the request itself. */
const OWN_HEADERS = /^(host|content-length|content-type|transfer-encoding|connection|accept-encoding)$/i;

const baseUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    error: 'must be a URL that starts with http:// or https://',
    abort: true,
  })
  .refine((text) => new URL(text).search === '' && new URL(text).hash === '', {
    error: 'must not have a query or a fragment',
    abort: true,
  })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
    error: 'must not hold a user or password; give an Authorization header instead',
  })
  .transform((text) => text.replace(/\/+$/, ''));

/** PROMETHEUS_SOURCES: by name. */
export const prometheusSourcesSchema = z.record(
  z.string().min(1),
  z.strictObject({
    url: baseUrl,
    headers: z
      .record(headerName, headerValue)
      .refine((headers) => !Object.keys(headers).some((name) => OWN_HEADERS.test(name)), {
        error: 'must not set a header that belongs to the request itself',
      })
      .default({}),
    accounts,
  }),
);

/** PostgreSQL cuts off longer names. */
const column = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= 63 && !name.includes('\0'), {
    error: 'must be the name of a column, at most 63 bytes',
  });
const words = z.array(z.string()).min(1);

const columns = z
  .strictObject({
    time: column,
    account: column.optional(),
    status: z.strictObject({ column, good: words, bad: words.optional() }).optional(),
    good: column.optional(),
    bad: column.optional(),
    total: column.optional(),
    value: column.optional(),
    filters: z.array(column).max(20).optional(),
  })
  .refine((mapped) => measuresOf(mapped) === 1, {
    error: 'must have one measure: status, or two of good, bad and total, or value',
  });

function measuresOf({ status, good, bad, total, value }: TableColumns): number {
  const counts = [good, bad, total].filter((name) => name !== undefined).length;
  if (counts === 1 || counts === 3) return -1;
  return (status === undefined ? 0 : 1) + (counts === 2 ? 1 : 0) + (value === undefined ? 0 : 1);
}

/** `orders` or `shop.orders`. */
const table = z.string().refine(
  (text) => {
    const parts = text.split('.');
    return parts.length <= 2 && parts.every((part) => column.safeParse(part).success);
  },
  { error: 'must be the name of a table, or schema.table' },
);

/** TABLE_SOURCES: by name. */
export const tableSourcesSchema = z.record(z.string().min(1), z.strictObject({ table, columns, accounts }));
