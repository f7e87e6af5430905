// Loaded with --import beside --expose-gc: the process collects its garbage when it gets SIGUSR2, so that what it holds can be told from
// what it has not yet let go of.
process.on('SIGUSR2', () => globalThis.gc());
