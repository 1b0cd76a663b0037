/**
 * `npm run test:browser`: the consent flows, clicked through in a real browser. Apart from the other
 * tests because it needs Debian's package `chromium`; another one is named by CHROMIUM.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

function isThere(): boolean {
  try {
    accessSync(chromium, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (isThere()) {
  const { status } = spawnSync(
    process.execPath,
    [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
      ...['node_modules/jest/bin/jest.js', '--config', 'test/browser/jest.config.js'],
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit', env: { ...process.env, CHROMIUM: chromium } },
  );
  process.exitCode = status ?? 1;
} else {
  process.stderr.write(
    `The browser tests need Chromium at ${chromium}: run "apt-get install chromium", or name one in CHROMIUM.\n`,
  );
  process.exitCode = 1;
}
