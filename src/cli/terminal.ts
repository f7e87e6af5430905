import type { Config } from '../config.ts';

/** What a command has of the world. */
export interface Terminal {
  /** Throws a StartError with one line for each fault. */
  readonly loadConfig: () => Config;
  /** To standard output: what the command was asked for, and nothing else. */
  readonly write: (text: string) => void;
  /** To standard error: what a person should know beside it. */
  readonly note: (text: string) => void;
}
