/** A few calls on a service that runs as a process of its own. */
export interface ApiClient {
  /** Answers the status code. */
  createSlo(name: string): Promise<number>;
  /** The names of all SLOs, sorted. */
  sloNames(): Promise<string[]>;
}

export function apiClient(url: string, secret: string): ApiClient {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  return {
    async createSlo(name) {
      const body = JSON.stringify({ name, target: 0.999 });
      return (await fetch(`${url}/api/v1/slos`, { method: 'POST', headers, body })).status;
    },
    async sloNames() {
      const answer = await fetch(`${url}/api/v1/slos`, { headers });
      // The shape is the contract's; a test on it fails loudly when it is not.
      const { data } = (await answer.json()) as { data: { name: string }[] };
      return data.map(({ name }) => name).sort();
    },
  };
}
