import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Vite would take the .mjs of graphql and Node the .js; two copies of graphql refuse each other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    // A busy machine takes its time; what never comes fails all the same.
    expect: { poll: { timeout: 30_000 } },
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Forks, since a file that starts processes and handles signals needs a process of its own.
    pool: 'forks',
    // Two cores are kept busy by three: the database server works on them too, and much of a file's time is waiting.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
