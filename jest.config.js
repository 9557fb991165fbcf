export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  coverageProvider: 'v8',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  watchman: false,
  testTimeout: 60_000,
  maxWorkers: '100%',
};
