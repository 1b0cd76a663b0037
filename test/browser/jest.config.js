import base from '../../jest.config.js';

/** The browser tests: not among `npm test`, because they need Chromium. */
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/browser'],
  testMatch: ['**/*.browser.ts'],
  maxWorkers: 1,
};
