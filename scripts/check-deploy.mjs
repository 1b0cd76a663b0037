// Checks what stands in deploy/: `npm run check:deploy`. Every metric that a rule or a panel names is
// one that the vault has, every alert has a severity, a summary and a runbook, and every variable that
// a manifest sets is documented. Where promtool and helm are installed, they check the rules and render
// the chart as well.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const problems = [];
const read = (path) => readFileSync(path, 'utf8');
const filesIn = (directory) => readdirSync(directory).map((name) => join(directory, name));

/** Metrics are made where their names stand in the source, documented or not. */
function metricsOfTheVault() {
  const names = new Set();
  for (const name of readdirSync('src', { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
    for (const [, metric] of read(join('src', name)).matchAll(/'(stitch_vault_[a-z_]+)'/g)) {
      names.add(metric);
    }
  }
  return names;
}

const metrics = metricsOfTheVault();
const SUFFIXES = /_(bucket|count|sum)$/;

function checkExpression(expression, where) {
  const named = expression.match(/\bstitch_vault_[a-z_]+/g) ?? [];
  if (named.length === 0) problems.push(`${where}: names no metric of the vault`);
  for (const name of named) {
    if (!metrics.has(name) && !metrics.has(name.replace(SUFFIXES, ''))) {
      problems.push(`${where}: the vault has no metric ${name}`);
    }
  }
}

function checkRules(path) {
  const { groups } = parse(read(path));
  const runbooks = new Set(readdirSync('docs/runbooks').map((name) => `docs/runbooks/${name}`));
  runbooks.delete('docs/runbooks/README.md');
  for (const { alert, expr, labels, annotations } of groups.flatMap(({ rules }) => rules)) {
    const where = `${path}: ${alert}`;
    checkExpression(expr, where);
    if (!['critical', 'warning'].includes(labels?.severity)) problems.push(`${where}: severity`);
    if (!annotations?.summary) problems.push(`${where}: summary`);
    const runbook = annotations?.runbook_url;
    if (!runbook || !existsSync(runbook)) problems.push(`${where}: runbook_url`);
    else if (!read(runbook).startsWith(`# ${alert}\n`)) problems.push(`${where}: other runbook`);
    runbooks.delete(runbook);
  }
  for (const runbook of runbooks) problems.push(`${runbook}: no alert has this runbook`);
}

function checkDashboard(path) {
  const { panels, title } = JSON.parse(read(path));
  if (!title || panels.length === 0) problems.push(`${path}: no title or no panels`);
  for (const { title: name, targets } of panels) {
    for (const { expr } of targets) checkExpression(expr, `${path}: ${name}`);
  }
}

/** Braces that open are closed, blocks end, and every value that is used has a default. */
function checkChart(directory) {
  const values = parse(read(join(directory, 'values.yaml')));
  const schema = JSON.parse(read(join(directory, 'values.schema.json')));
  for (const name of schema.required) {
    if (!(name in values)) problems.push(`${directory}/values.yaml: ${name} is missing`);
  }
  for (const path of filesIn(join(directory, 'templates'))) {
    const text = read(path);
    const actions = [...text.matchAll(/\{\{-?\s*([\s\S]*?)\s*-?\}\}/g)].map(([, action]) => action);
    if ((text.match(/\{\{/g) ?? []).length !== actions.length) problems.push(`${path}: braces`);
    const opened = actions.filter((action) =>
      /^(if|with|range|define|block)\b/.test(action),
    ).length;
    const ended = actions.filter((action) => action === 'end').length;
    if (opened !== ended) problems.push(`${path}: ${opened} blocks, ${ended} ends`);
    for (const [, value] of text.matchAll(/\.Values\.([A-Za-z.]+)/g)) {
      const found = value.split('.').reduce((at, key) => at?.[key], values);
      if (found === undefined) problems.push(`${path}: values.yaml has no ${value}`);
    }
  }
  const rules = join(directory, 'rules.yml');
  if (read(rules) !== read('deploy/prometheus/stitch-token-vault.rules.yml')) {
    problems.push(`${rules}: is no copy of deploy/prometheus/stitch-token-vault.rules.yml`);
  }
}

/** Variables of the vault that a manifest sets, with or without `_FILE`. */
function checkVariables(path, pattern) {
  const documented = read('docs/operations.md');
  for (const [, name] of read(path).matchAll(pattern)) {
    if (!documented.includes(`\`${name.replace(/_FILE$/, '')}\``)) {
      problems.push(`${path}: docs/operations.md does not know ${name}`);
    }
  }
}

function checkWithPromtool(path) {
  const found = spawnSync('promtool', ['check', 'rules', path], { encoding: 'utf8' });
  if (found.error) return `${path}: promtool is not installed, rules checked by text alone`;
  if (found.status !== 0) problems.push(`${path}: ${found.stdout}${found.stderr}`);
  return `${path}: checked by promtool`;
}

/** With all that a chart may have switched on. */
function renderWithHelm(directory) {
  const values = [
    ['image.repository', 'stitch-token-vault'],
    ['publicUrl', 'https://link.example.com'],
    ['existingSecret', 'vault'],
    ['migrations.existingSecret', 'owner'],
    ['environment.STITCH_MONEY_CLIENT_ID', 'client'],
    ['ingress.enabled', 'true'],
    ['ingress.host', 'link.example.com'],
    ['serviceMonitor.enabled', 'true'],
    ['prometheusRule.enabled', 'true'],
  ].flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const ran = spawnSync('helm', ['template', 'vault', directory, ...values], { encoding: 'utf8' });
  if (ran.error) return `${directory}: helm is not installed, chart checked by text alone`;
  if (ran.status !== 0) {
    problems.push(`${directory}: ${ran.stderr}`);
    return '';
  }
  const documents = parseAllDocuments(ran.stdout);
  for (const { errors } of documents) problems.push(...errors.map(String));
  return `${directory}: rendered by helm, ${documents.length} documents`;
}

const rules = filesIn('deploy/prometheus').filter((path) => path.endsWith('.yml'));
rules.forEach(checkRules);
filesIn('deploy/grafana').forEach(checkDashboard);
checkChart('deploy/helm');
checkVariables('deploy/helm/templates/statefulset.yaml', /name: ([A-Z][A-Z_]+),/g);
checkVariables('deploy/systemd/stitch-token-vault.service', /^Environment=([A-Z_]+)=/gm);
const said = [...rules.map(checkWithPromtool), renderWithHelm('deploy/helm')];

for (const line of problems.length > 0 ? problems : said) console.log(line);
process.exitCode = problems.length > 0 ? 1 : 0;
