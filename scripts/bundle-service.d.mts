export function bundleService(): Promise<string>;
