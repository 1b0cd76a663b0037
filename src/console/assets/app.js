/* global uPlot, document, window, fetch, navigator, matchMedia, getComputedStyle */
'use strict';

// The key lives in this variable alone: no storage, no cookie, no URL. A reload forgets it.
let key = '';
let timer;
/** How many grants the list of those who must consent again was made for. */
let shownLost;
const charts = new Map();
const REFRESH_MS = 10_000;
const TITLE = document.title;
const byId = (id) => document.getElementById(id);

/** An element with text or children. Text is never taken for HTML. */
function el(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

class Refused extends Error {}

async function api(path, init = {}) {
  const answer = await fetch(path, {
    ...init,
    headers: {
      authorization: `Bearer ${key}`,
      ...(init.body ? { 'content-type': 'application/json' } : {}),
    },
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
  });
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw new Refused('This key is not known, or has ended.');
  if (answer.status === 403) throw new Refused('This key lacks the scope admin.');
  const problem = await answer.json().catch(() => ({}));
  throw new Error(`${answer.status} ${problem.code ?? ''} ${problem.detail ?? ''}`.trim());
}

/** What is wrong, the worst first: a sentence, what to do, and the runbook. */
function problemsOf(overview) {
  const problems = [];
  const add = (tone, title, advice, runbook) => problems.push({ tone, title, advice, runbook });
  if (overview.replicas.every(({ silent_seconds }) => silent_seconds !== null)) {
    add(
      'bad',
      'No replica has written a sample lately.',
      'Is the database writable?',
      'vault-database-down',
    );
  }
  const silent = overview.replicas.filter(({ silent_seconds }) => silent_seconds !== null);
  if (silent.length > 0) {
    const each = silent.map(
      ({ host, silent_seconds }) => `${host} for ${duration(silent_seconds)}`,
    );
    add(
      'bad',
      `${silent.length === 1 ? 'A replica is' : 'Replicas are'} silent: ${each.join(', ')}.`,
      'Not ended in order: killed, frozen, or cut off from the database. Start it again with its spool.',
    );
  }
  for (const { host, parts_down, silent_seconds } of overview.replicas) {
    if (silent_seconds !== null) continue;
    for (const part of parts_down) {
      add(
        'bad',
        `${part} is down on ${host}.`,
        'GET /health/ready on that replica says why; doctor says what to do.',
        'vault-part-down',
      );
    }
  }
  if (overview.refresh_paused) {
    add(
      'bad',
      'No refresh token is presented: the history of the database is in question.',
      'Decide whether this database is the original.',
      'vault-refresh-paused',
    );
  }
  for (const [name, { breaker, suspected }] of Object.entries(overview.providers)) {
    if (suspected)
      add(
        'bad',
        `Refusals of ${name} are not believed.`,
        'One probe at a time is sent; no grant is given up. Ask the provider.',
        'vault-provider-suspected',
      );
    else if (breaker > 0)
      add(
        'bad',
        `${name} is paused: it is down, limits us, or refuses us.`,
        `Living tokens are served. Rotations of ten minutes: ${outcomes(recent(overview).rotations)}.`,
        'vault-provider-unavailable',
      );
  }
  if (overview.due_age_seconds > 120) {
    add(
      'bad',
      `${counted(overview.due, 'grant is', 'grants are')} due, the oldest for ${duration(overview.due_age_seconds)}.`,
      'Tokens expire before they are replaced if this goes on.',
      'vault-refresh-backlog',
    );
  }
  if (overview.in_hand > 0) {
    add(
      'warn',
      `${counted(overview.in_hand, 'answer is', 'answers are')} not committed yet.`,
      'Safe in the spool. If it lasts: the database.',
      'vault-answers-not-committed',
    );
  }
  if (overview.in_doubt > 0) {
    add(
      'warn',
      `${counted(overview.in_doubt, 'grant is', 'grants are')} in doubt.`,
      'They are tried again at once. If it lasts: a provider is down, or a replica is gone.',
      'vault-grants-in-doubt',
    );
  }
  const lost = recent(overview).rotations.invalid_grant ?? 0;
  if (lost > 5) {
    add(
      'bad',
      `${number(lost)} grants were refused in ten minutes.`,
      'These users must consent again, unless it is a fault of the provider.',
      'vault-many-grants-refused',
    );
  }
  if (new Set(overview.replicas.map(({ version }) => version)).size > 1) {
    add('warn', 'Replicas have different versions.', 'Expected during an upgrade only.');
  }
  return problems.sort((one, other) => (one.tone === other.tone ? 0 : one.tone === 'bad' ? -1 : 1));
}

/** The last ten minutes together. */
function recent({ minutes, now }) {
  const since = Date.parse(now) - 600_000;
  const rotations = {};
  for (const each of minutes) {
    if (Date.parse(each.minute) < since) continue;
    for (const [name, count] of Object.entries(each.rotations))
      rotations[name] = (rotations[name] ?? 0) + count;
  }
  return { rotations };
}

const outcomes = (counts) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${number(count)} ${name}`)
    .join(', ') || 'none';
const number = (value) => Number(value).toLocaleString('en');
const counted = (value, one, more) => `${number(value)} ${value === 1 ? one : more}`;
const duration = (seconds) =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
const time = (iso) => (iso ? `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC` : 'never');

function table(caption, head, rows, none) {
  if (rows.length === 0) return el('p', { className: 'soft', textContent: none });
  const box = el('div', { className: 'table', tabIndex: 0 });
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', `${caption}, table`);
  // On a phone rows stand below each other: what that takes away of the meaning the roles give back.
  const as = (role, name, properties, ...children) => {
    const element = el(name, properties, ...children);
    element.setAttribute('role', role);
    return element;
  };
  const headings = head.map((text) =>
    as('columnheader', 'th', { scope: 'col', textContent: text }),
  );
  const body = rows.map((cells) =>
    as(
      'row',
      'tr',
      {},
      ...cells.map((cell, index) => {
        const isCell = cell instanceof Element && cell.tagName === 'TD';
        const place = isCell ? cell : el('td', {}, cell instanceof Element ? cell : String(cell));
        place.setAttribute('role', 'cell');
        place.dataset.label = head[index];
        return place;
      }),
    ),
  );
  box.append(
    as(
      'table',
      'table',
      {},
      as('rowgroup', 'thead', {}, as('row', 'tr', {}, ...headings)),
      as('rowgroup', 'tbody', {}, ...body),
    ),
  );
  return box;
}

function show(overview) {
  const problems = problemsOf(overview);
  // For who has it in one of many tabs.
  document.title = problems.length === 0 ? TITLE : `(${problems.length}) ${TITLE}`;
  byId('verdict').replaceChildren(
    ...(problems.length === 0
      ? [el('p', { className: 'good' }, el('strong', { textContent: 'All is in order.' }))]
      : problems.map(({ tone, title, advice, runbook }) =>
          el(
            'p',
            { className: tone },
            el('strong', { textContent: title }),
            advice,
            ...(runbook
              ? [' Runbook: ', el('code', { textContent: `docs/runbooks/${runbook}.md` })]
              : []),
          ),
        )),
  );
  const totals = {};
  for (const statuses of Object.values(overview.grants)) {
    for (const [status, count] of Object.entries(statuses))
      totals[status] = (totals[status] ?? 0) + count;
  }
  const tiles = [
    ['active grants', totals.active ?? 0],
    ['must consent again', totals.reauthorization_required ?? 0],
    ['suspended', totals.suspended ?? 0],
    ['awaiting confirmation', totals.awaiting_confirmation ?? 0],
    ['due now', overview.due],
    ['oldest due', duration(overview.due_age_seconds), overview.due_age_seconds > 120],
    ['in doubt', overview.in_doubt, overview.in_doubt > 0],
    ['not committed yet', overview.in_hand, overview.in_hand > 0],
  ];
  byId('tiles').replaceChildren(
    ...tiles.map(([name, value, bad]) =>
      el(
        'div',
        {},
        el('dt', { textContent: name }),
        el('dd', {
          className: bad ? 'bad' : '',
          textContent: typeof value === 'number' ? number(value) : value,
        }),
      ),
    ),
  );
  const states = ['in order', 'trying again', 'paused'];
  byId('providers').replaceChildren(
    table(
      'Providers',
      ['provider', 'calls', 'active', 'must consent again'],
      Object.entries(overview.providers).map(([name, { breaker, suspected }]) => {
        const grants = overview.grants[name] ?? {};
        return [
          name,
          el('td', {
            className: suspected || breaker ? 'bad' : 'good',
            textContent: suspected ? 'refusals not believed: probes only' : states[breaker],
          }),
          number(grants.active ?? 0),
          number(grants.reauthorization_required ?? 0),
        ];
      }),
      'No provider is configured.',
    ),
  );
  byId('replicas').replaceChildren(
    table(
      'Replicas',
      ['host', 'version', 'since', 'parts'],
      overview.replicas.map(({ host, version, started_at, parts_down, silent_seconds }) => [
        host,
        version,
        time(started_at),
        el('td', {
          className: parts_down.length || silent_seconds !== null ? 'bad' : 'good',
          textContent:
            silent_seconds !== null
              ? `silent for ${duration(silent_seconds)}`
              : parts_down.length
                ? `${parts_down.join(', ')} down`
                : 'all up',
        }),
      ]),
      'None has written a sample for ten minutes.',
    ),
  );
  draw(overview);
  // Not under the hands of somebody who is copying a link.
  const lost = (totals.reauthorization_required ?? 0) + (totals.suspended ?? 0);
  if (lost !== shownLost && !byId('again').querySelector('input')) {
    shownLost = lost;
    void showAgain().catch((error) => (byId('again').textContent = error.message));
  }
}

/** Seconds that the worst rotation of a minute had left, by the upper end of its bucket. */
function worstLife(buckets) {
  const ends = Object.keys(buckets)
    .map((end) => (end === '+Inf' ? Infinity : Number(end)))
    .sort((one, other) => one - other);
  const worst = ends.find((end) => (buckets[end === Infinity ? '+Inf' : String(end)] ?? 0) > 0);
  return worst === undefined ? null : worst === Infinity ? 600 : worst;
}

const COLOURS = { committed: '--good', invalid_grant: '--bad', unavailable: '--warn' };

function draw({ minutes, now }) {
  const end = Math.floor(Date.parse(now) / 60_000);
  const byMinute = new Map(
    minutes.map((each) => [Math.floor(Date.parse(each.minute) / 60_000), each]),
  );
  const slots = Array.from({ length: 61 }, (_, index) => end - 60 + index);
  const x = slots.map((slot) => slot * 60);
  const at = (value) =>
    slots.map((slot) => (byMinute.has(slot) ? value(byMinute.get(slot)) : null));
  const outcomes = [
    ...new Set(['committed', ...minutes.flatMap((each) => Object.keys(each.rotations))]),
  ];
  plot(
    'chart-rotations',
    x,
    outcomes.map((name) => [
      name,
      COLOURS[name] ?? '--link',
      at((each) => each.rotations[name] ?? 0),
    ]),
  );
  plot('chart-life', x, [['worst', '--link', at((each) => worstLife(each.life_left))]]);
  plot('chart-due', x, [['due', '--warn', at((each) => each.due)]]);
}

function plot(id, x, lines) {
  const place = byId(id);
  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(name).trim();
  const last = lines.map(
    ([name, , values]) => `${name} ${values.findLast((value) => value !== null) ?? 'unknown'}`,
  );
  place.setAttribute(
    'aria-label',
    `${place.parentElement.querySelector('figcaption').textContent}; newest: ${last.join(', ')}`,
  );
  charts.get(id)?.destroy();
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line') },
  };
  charts.set(
    id,
    new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height: 170,
        cursor: { drag: { x: false, y: false } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        scales: {
          y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1) * 1.1] },
        },
        axes: [
          {
            ...axis,
            values: (_, ticks) =>
              ticks.map((tick) => new Date(tick * 1000).toISOString().slice(11, 16)),
          },
          { ...axis, size: 48 },
        ],
        series: [
          { value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(11, 16) : '') },
          ...lines.map(([label, name]) => ({
            label,
            stroke: colour(name),
            width: 2,
            points: { size: 4 },
          })),
        ],
      },
      [x, ...lines.map(([, , values]) => values)],
      place,
    ),
  );
}

/** A button that makes a consent link for a grant and copies it. */
function linkButton({ user_id, provider, connection }) {
  const box = el('span');
  const button = el('button', { type: 'button', textContent: 'Consent link' });
  button.setAttribute('aria-label', `Consent link for ${user_id} at ${provider}, ${connection}`);
  const said = el('span', { className: 'soft' });
  said.setAttribute('role', 'status');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const body = JSON.stringify({ user_id, provider, connection });
      const { authorization_url, expires_at } = await api('/authorization-requests', {
        method: 'POST',
        body,
      });
      const field = el('input', { readOnly: true, value: authorization_url });
      field.setAttribute('aria-label', `Consent link for ${user_id}`);
      const copied = await copy(authorization_url, field, box);
      said.textContent = ` ${copied ? 'Copied' : 'Copy it from the field'}; good until ${time(expires_at)}`;
    } catch (error) {
      said.textContent = ` ${error.message}`;
    }
    button.disabled = false;
  });
  box.append(button, said);
  return box;
}

/** Over plain http a page may not write to the clipboard: then the field is there to copy from. */
async function copy(text, field, box) {
  box.querySelector('input')?.remove();
  box.append(field);
  field.select();
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

const grantRow = (grant) => [
  grant.user_id,
  `${grant.provider} / ${grant.connection}`,
  el('td', {
    className: grant.status === 'active' ? 'good' : 'bad',
    textContent: grant.reason ? `${grant.status}: ${grant.reason}` : grant.status,
  }),
  grant.expires_at ? time(grant.expires_at) : 'no expiry known',
  grant.last_error ?? '',
  linkButton(grant),
];
const GRANT_HEAD = [
  'user',
  'provider / connection',
  'status',
  'token expires',
  'last error',
  'consent',
];

async function showAgain() {
  const pages = await Promise.all(
    ['reauthorization_required', 'suspended'].map((status) =>
      api(`/grants?limit=25&status=${status}`),
    ),
  );
  const items = pages.flatMap((page) => page.items);
  const more = pages.some((page) => page.next_cursor !== null);
  byId('again').replaceChildren(
    table('Users who must consent again', GRANT_HEAD, items.map(grantRow), 'Nobody.'),
    ...(more
      ? [
          el('p', {
            className: 'soft',
            textContent: 'There are more: GET /grants?status=reauthorization_required.',
          }),
        ]
      : []),
  );
}

/** A user's part of the audit, newest first; of very many only the first 2,000 are read. */
async function auditOf(user) {
  const rows = [];
  let after = '';
  for (let page = 0; page < 4; page += 1) {
    const { items, next_cursor } = await api(
      `/audit?limit=500&user_id=${encodeURIComponent(user)}${after && `&after=${encodeURIComponent(after)}`}`,
    );
    rows.push(...items);
    if (items.length === 0 || next_cursor === after) break;
    after = next_cursor;
  }
  return rows.reverse();
}

async function showUser(user) {
  const [{ items }, audit] = await Promise.all([
    api(`/grants?limit=100&user_id=${encodeURIComponent(user)}`),
    auditOf(user),
  ]);
  const isRead = ({ type }) =>
    type === 'token.read' || type === 'token.rejected' || type === 'access.denied';
  const row = ({ at, type, client, provider, connection, outcome, count }) => [
    time(at),
    type,
    client ?? '',
    `${provider ?? ''} / ${connection ?? ''}`,
    outcome,
    number(count),
  ];
  const head = ['when', 'what', 'who', 'provider / connection', 'outcome', 'times'];
  byId('found').replaceChildren(
    el('h3', { textContent: 'Grants' }),
    table(`Grants of ${user}`, GRANT_HEAD, items.map(grantRow), 'This user has no grant.'),
    el('h3', { textContent: 'Events' }),
    table(
      `Events of ${user}`,
      head,
      audit
        .filter((each) => !isRead(each))
        .slice(0, 50)
        .map(row),
      'Nothing happened.',
    ),
    el('h3', { textContent: 'Who read their token' }),
    table(`Reads of ${user}`, head, audit.filter(isRead).slice(0, 50).map(row), 'Nobody.'),
  );
}

async function showKeys() {
  const { primary, keys } = await api('/console/keys');
  const total = keys.reduce((sum, { sealed_values }) => sum + sealed_values, 0);
  const done = keys.find(({ id }) => id === primary)?.sealed_values ?? 0;
  byId('keys').replaceChildren(
    el('p', {
      textContent:
        total === done
          ? `All ${number(total)} sealed values are under the first key.`
          : `${number(done)} of ${number(total)} sealed values are under the first key: run keys rewrap.`,
    }),
    table(
      'Encryption keys',
      ['key id', 'role', 'sealed values'],
      keys.map(({ id, in_keyring, sealed_values }) => [
        id,
        el('td', {
          className: in_keyring ? '' : 'bad',
          textContent: id === primary ? 'seals' : in_keyring ? 'opens' : 'not in the keyring',
        }),
        number(sealed_values),
      ]),
      'None.',
    ),
  );
}

async function refresh() {
  clearTimeout(timer);
  if (!key) return;
  const mine = key;
  try {
    const overview = await api('/console/overview');
    if (key !== mine) return;
    show(overview);
    byId('updated').textContent = `As of ${time(overview.now)}`;
  } catch (error) {
    if (error instanceof Refused) return leave(error.message);
    document.title = `(!) ${TITLE}`;
    byId('updated').textContent = 'Not up to date';
    byId('verdict').replaceChildren(
      el(
        'p',
        { className: 'bad' },
        el('strong', { textContent: `This page can't be brought up to date: ${error.message}` }),
        'What stands below is old. Runbook: ',
        el('code', { textContent: 'docs/runbooks/vault-database-down.md' }),
      ),
    );
  }
  timer = setTimeout(() => void refresh(), REFRESH_MS);
}

function leave(reason = '') {
  key = '';
  clearTimeout(timer);
  for (const each of charts.values()) each.destroy();
  charts.clear();
  for (const id of ['verdict', 'tiles', 'providers', 'replicas', 'again', 'found', 'keys'])
    byId(id).replaceChildren();
  byId('console').hidden = true;
  document.title = TITLE;
  byId('leave').hidden = true;
  byId('enter').hidden = false;
  byId('updated').textContent = '';
  byId('refused').textContent = reason;
  byId('key').focus();
}

const guarded = (place, work) => async (event) => {
  event.preventDefault();
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) leave(error.message);
    else byId(place).textContent = error.message;
  }
};

byId('enter').addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = byId('key');
  key = field.value.trim();
  field.value = '';
  try {
    await api('/console/overview');
  } catch (error) {
    return leave(error.message);
  }
  byId('refused').textContent = '';
  byId('enter').hidden = true;
  byId('console').hidden = false;
  byId('leave').hidden = false;
  byId('h-state').tabIndex = -1;
  byId('h-state').focus();
  shownLost = undefined;
  await refresh();
});
byId('leave').addEventListener('click', () => leave());
byId('find').addEventListener(
  'submit',
  guarded('found', () => showUser(byId('user').value.trim())),
);
byId('count').addEventListener('click', guarded('keys', showKeys));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => void refresh());
window.addEventListener('resize', () => {
  for (const [id, chart] of charts)
    chart.setSize({ width: Math.max(200, byId(id).clientWidth), height: 170 });
});
byId('key').focus();
