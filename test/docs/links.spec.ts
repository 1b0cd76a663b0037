import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { filesBelow, pageOf, quotedOn } from './page-lists.js';

const PAGES = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'deploy/README.md', 'examples/README.md'],
  ...filesBelow('docs').filter((path) => path.endsWith('.md')),
];

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (path: string): string[] =>
  [...pageOf(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('the pages', () => {
  it.each(PAGES)('%s: every link leads to a file and a heading of it', (page) => {
    const links = [...pageOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const dead = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(file)) return true;
        return anchor !== undefined && !anchorsOf(file).includes(anchor);
      });
    expect(dead).toEqual([]);
  });

  it('CONTRIBUTING.md names files that exist', () => {
    const paths = quotedOn('CONTRIBUTING.md').filter(
      (text) =>
        /^(src|test|docs|migrations|clients)\/[\w./-]+$/.test(text) && !/NAME|TIME/.test(text),
    );
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('the decisions', () => {
  it('have a number each, and stand in the index', () => {
    const records = filesBelow('docs/decisions').filter((path) => /\/\d{4}-/.test(path));
    const numbers = records.map((path) => basename(path).slice(0, 4));
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
    const index = pageOf('docs/decisions/README.md');
    expect(records.filter((path) => !index.includes(`](${basename(path)})`))).toEqual([]);
  });
});
