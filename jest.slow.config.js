import base from './jest.config.js';

/** The suites that take longer than anyone waits for between two edits. */
export default { ...base, testMatch: ['<rootDir>/test/**/*.slow.ts'], testTimeout: 600_000 };
