/** A loop of the service. */
export interface Worker {
  start(): void;
  /** Waits for the work in hand. */
  stop(): Promise<void>;
}
