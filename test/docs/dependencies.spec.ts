import { readFileSync } from 'node:fs';
import { pageOf } from './page-lists.js';

const { dependencies, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  scripts: Record<string, string>;
};

describe('docs/dependencies.md', () => {
  it('has a line for each dependency of production, and for nothing else', () => {
    const rows = [...pageOf('docs/dependencies.md').matchAll(/^\| `([^`]+)` +\|/gm)];
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(dependencies).sort());
  });

  it('names a command for the bill of materials that leaves development out', () => {
    expect(scripts.sbom).toBe('npm sbom --sbom-format cyclonedx --omit dev');
  });
});
