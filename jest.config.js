const slow = process.env.HUNDREDFOLD_TESTS === 'all';

export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  coverageProvider: 'v8',
  testMatch: ['<rootDir>/test/**/*.test.ts', ...(slow ? ['<rootDir>/test/**/*.slow.ts'] : [])],
  watchman: false,
};
