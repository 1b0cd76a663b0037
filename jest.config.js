/** One configuration for every suite: unit specs beside their source, the rest under test/. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/sandbox', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^#migrations$': '<rootDir>/migrations/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': '@swc/jest',
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testSequencer: '<rootDir>/jest.sequencer.js',
  testTimeout: 120_000,
  maxWorkers: 2,
  // Modules of ended files stay in a worker's memory: a large worker is slow, and is replaced.
  workerIdleMemoryLimit: '1GB',
};
