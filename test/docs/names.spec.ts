import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.js';
import { scenarios } from '../faults/suite.js';
import { filesBelow, pageOf, shellOn } from './page-lists.js';

const isPage = (path: string) => path.endsWith('.md');
const isSource = (path: string) => path.endsWith('.ts') && !path.endsWith('.spec.ts');
const sources = (directory: string) =>
  filesBelow(directory)
    .filter(isSource)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
const src = sources('src');
const pages = [
  'README.md',
  'SECURITY.md',
  ...filesBelow('docs').filter((path) => /^docs\/[\w-]+\.md$/.test(path)),
]
  .map(pageOf)
  .join('\n');

const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];
const missing = (names: readonly string[], text: string) =>
  names.filter(
    (name) => !new RegExp(`(?<![\\w.])${name.replaceAll('.', '\\.')}(?![\\w]|\\.\\w)`).test(text),
  );

describe('the docs and the code', () => {
  it('know the same codes of problems', () => {
    const [, union = ''] = /export type ErrorCode =([^;]+);/.exec(src) ?? [];
    const codes = found(union, /'([a-z_]+)'/g);
    expect(codes.length).toBeGreaterThan(20);
    expect(missing(codes, pages)).toEqual([]);
    const documented = found(pageOf('docs/reading.md'), /^\| \d{3} +\| `([a-z_]+)`/gm);
    expect(documented.filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('know the same metrics', () => {
    const union = readFileSync('src/metrics/metric-names.ts', 'utf8');
    const metrics = found(union, /'(stitch_vault_[a-z_]+)'/g);
    expect(metrics.length).toBeGreaterThan(30);
    const used = src.replace(union, '');
    expect(metrics.filter((name) => !used.includes(`'${name}'`))).toEqual([]);
    expect(missing(metrics, pages)).toEqual([]);
    const documented = found(pages, /(?<!\w)(stitch_vault_[a-z_]+)/g).map((name) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    );
    expect(documented.filter((name) => !metrics.includes(name))).toEqual([]);
  });

  it('know the same events of the log', () => {
    const union = readFileSync('src/common/log-events.ts', 'utf8');
    const events = found(union, /'([a-z_.]+)'/g);
    expect(events.length).toBeGreaterThan(60);
    expect(missing(events, pages)).toEqual([]);
    const used = src.replace(union, '');
    expect(events.filter((name) => !used.includes(`'${name}'`) && !isMadeUp(name))).toEqual([]);
    const [, logs = ''] = /## Logs([^]*?)\n## /.exec(pageOf('docs/operations.md')) ?? [];
    const documented = logs
      .split('\n')
      .flatMap((line) => found(line.split('|')[1] ?? '', /`([a-z_]+\.[a-z_.]+)`/g));
    expect(documented.filter((name) => !events.includes(name))).toEqual([]);
  });

  it('know the same variables', () => {
    const config = sources('src/config');
    const variables = found(config, /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g);
    expect(variables.length).toBeGreaterThan(40);
    // Of some only the last part is written down: the prefix is a listener's or a provider's.
    expect(variables.filter((name) => !pages.includes(name))).toEqual([]);
    const [, table = ''] = /## Configuration([^]*?)\n## /.exec(pageOf('docs/operations.md')) ?? [];
    const documented = table
      .split('\n')
      .flatMap((line) => found(line.split('|')[1] ?? '', /`([A-Z][A-Z0-9_]+)`/g));
    const read = new Set([...variables, ...found(config, /'([A-Z]+)'/g)]);
    const known = (name: string) =>
      read.has(name) || read.has(name.replace(/_FILE$/, '')) || isPutTogether(name);
    expect(documented.filter((name) => !known(name))).toEqual([]);
  });

  it('know the same routes', () => {
    const routes = found(
      readFileSync('clients/typescript/src/api.ts', 'utf8'),
      /['"](\/[a-z][\w\-/{}]*)['"]/g,
    );
    const plain = (route: string) => route.replaceAll(/\{\w+\}/g, '{}');
    const documented = found(pages, /\b(?:GET|POST|DELETE) (\/[\w\-/{}]+)/g).map(plain);
    expect(routes.filter((route) => !documented.includes(plain(route)))).toEqual([]);
  });

  it('know the same operator commands, and options of them', () => {
    const commands = commandsBelow(buildProgram());
    expect(commands.size).toBeGreaterThan(20);
    const names = [...commands].flatMap(([path, options]) => [
      path,
      ...[...options].map((option) => `${path} … ${option}`),
    ]);
    const isMentioned = (name: string) => {
      const [path = '', option] = name.split(' … ');
      const said = option?.split('|').some((word) => hasWord(pages, word)) ?? true;
      return said && pages.includes(path);
    };
    expect(names.filter((name) => !isMentioned(name))).toEqual([]);
    const everywhere = filesBelow('docs', 'deploy').filter((path) => path.endsWith('.md'));
    const unknown = ['README.md', 'SECURITY.md', ...everywhere].flatMap((page) =>
      shellOn(page).flatMap((line) => unknownIn(line, commands).map((name) => `${page}: ${name}`)),
    );
    expect(unknown).toEqual([]);
  });

  it('know the same scripts of npm and the same scenarios of faults', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const all = [pages, ...filesBelow('docs', 'deploy').filter(isPage).map(pageOf)].join('\n');
    const run = found(all, /\bnpm run (?:-s )?([a-z]+(?::[a-z]+)*)/g);
    expect(run.length).toBeGreaterThan(10);
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
    const known = scenarios.map(({ name }) => name);
    const named = found(all, /npm run faults -- --only ([a-z,-]+)/g);
    expect(
      named.flatMap((names) => names.split(',')).filter((name) => !known.includes(name)),
    ).toEqual([]);
    expect(missing(known, pageOf('docs/reliability.md'))).toEqual([]);
  });
});

const templates = [...src.matchAll(/`([a-z_]+\.[a-z_.]*)\$\{[^}]+\}([a-z_.]*)`/g)];
/** Events of which a word is that of a step or an end. */
const isMadeUp = (name: string): boolean =>
  templates.some(([, start = '', end = '']) => name.startsWith(start) && name.endsWith(end));

/** Variables whose prefix is that of a listener or provider. */
const isPutTogether = (name: string): boolean =>
  /^(PUBLIC_)?TLS_/.test(name) ||
  /^STITCH_MONEY_\w+_ENDPOINT$/.test(name) ||
  name.startsWith('OTEL_');

const hasWord = (text: string, word: string) => new RegExp(`${word}(?![\\w-])`).test(text);

/** The commands that do something, with their options; a second name of an option after a bar. */
function commandsBelow(command: Command, above = ''): Map<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const each of command.commands) {
    const path = `${above}${each.name()}`;
    for (const [below, options] of commandsBelow(each, `${path} `)) found.set(below, options);
    if (each.commands.length > 0) continue;
    const options = each.options.filter(({ hidden }) => !hidden);
    const namesOf = ({ short, long }: (typeof options)[number]) =>
      [short, long].filter((name) => name?.startsWith('--')).join('|');
    found.set(path, new Set(options.map(namesOf)));
  }
  return found;
}

/** What a line of the docs that names a command says of it and is not so. */
function unknownIn(line: string, commands: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const [, first = '', second = '', rest = ''] =
    /^(?:.*(?:vault --|cli\.js|^vault) )?([a-z]+)(?: ([a-z]+))?([^|]*)/.exec(line) ?? [];
  const isGroup = [...commands.keys()].some((path) => path.startsWith(`${first} `));
  if (isGroup && second === '') return [];
  const path = isGroup ? `${first} ${second}` : first;
  const options = commands.get(path);
  if (!options) return isGroup ? [path] : [];
  const known = (option: string) =>
    option === '--help' || [...options].some((names) => names.split('|').includes(option));
  const named = [...rest.matchAll(/ (--[a-z][a-z-]*)/g)].map(([, option = '']) => option);
  return named.filter((option) => !known(option)).map((option) => `${path} ${option}`);
}
