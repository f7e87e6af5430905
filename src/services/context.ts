import type { Logger } from 'pino';
import type { PrometheusSource, TableSource } from '../config-sources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Courtesy } from '../lib/courtesy.ts';
import type { Slo } from '../slo/definition.ts';
import type { Database } from '../storage/client.ts';
import type { Partitions } from '../storage/partitions.ts';
import type { AccessKeys } from './access-keys.ts';

/** Who asks, as the actor resolver found out. Services trust it. */
export interface Actor {
  readonly accountId: string;
  readonly role: string;
  readonly userId?: string;
  /** Whether the role may change definitions and record measurements. */
  readonly canWrite: boolean;
  /** When the credentials end by themselves, in epoch milliseconds; left out where they do not. */
  readonly expiresAtMs?: number;
}

/** What a service needs of the licence: throws `license_stale` where definitions may not change. */
export interface LicenseGuard {
  assertCanChangeDefinitions(): void;
}

/** The sources of the configuration, by name. */
export interface SourceSettings {
  readonly prometheus: Readonly<Record<string, PrometheusSource>>;
  readonly tables: Readonly<Record<string, TableSource>>;
}

/** Everything that does not depend on who asks. */
export interface ServiceEnvironment {
  readonly db: Database;
  readonly clock: Clock;
  /** Between requests and what is done in the background. */
  readonly courtesy: Courtesy;
  readonly logger: Logger;
  readonly license: LicenseGuard;
  readonly partitions: Partitions;
  /** Null where access keys are off. */
  readonly accessKeys: AccessKeys | null;
  /** Told of measurements that were stored. */
  readonly onPointsStored: (points: number) => void;
  /** Told of an SLO that is deleted, as it was. */
  readonly onSloRemoved: (slo: Slo) => void;
  /** What the operator lets accounts read. */
  readonly sources: SourceSettings;
  /** How far back points are taken, in milliseconds. */
  readonly retentionMs: number;
}

export interface ServiceContext extends ServiceEnvironment {
  readonly actor: Actor;
}
