/** The import rule: who may know whom. Checked by `npm run check`. */
const only = (name, allowed, comment) => ({
  name: `${name}-knows-only`,
  comment,
  severity: 'error',
  from: { path: `^src/${name}/`, pathNot: '\\.spec\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [`^src/${name}/`, ...allowed.map((each) => `^src/${each}/index\\.ts$`)],
  },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    only('common', [], 'common imports nothing internal'),
    only('config', ['common'], 'config reads the environment and knows nothing else'),
    only('encryption', ['common'], 'encryption knows nothing of HTTP, TypeORM or providers'),
    only('metrics', ['common'], 'metrics are a leaf'),
    only('lifecycle', ['common'], 'what runs in the background, whatever it is'),
    only('database', ['common', 'config', 'metrics'], 'the database module is plumbing'),
    only('tracing', ['common', 'config', 'metrics'], 'traces, told to a collector'),
    only('http', ['common', 'metrics'], 'HTTP plumbing knows no feature'),
    only('outbound', ['config'], 'the way out, through a proxy or not'),
    only(
      'providers',
      ['common', 'config', 'database', 'metrics', 'outbound', 'tracing'],
      'providers know nothing of storage; the database lends them its clock',
    ),
    only(
      'journal',
      ['common', 'config', 'database', 'encryption', 'metrics'],
      'sealed records on disk',
    ),
    only(
      'clients',
      ['audit', 'common', 'config', 'database', 'journal', 'lifecycle', 'metrics'],
      'who calls',
    ),
    only(
      'events',
      ['audit', 'common', 'config', 'database', 'http', 'lifecycle', 'metrics', 'outbound'],
      'the outbox and the log',
    ),
    only(
      'grants',
      [
        ...['common', 'config', 'database', 'encryption', 'events', 'http', 'journal', 'metrics'],
        ...['lifecycle', 'providers'],
      ],
      'storage of grants; what it needs of others are ports that they implement',
    ),
    only(
      'tokens',
      ['audit', 'common', 'config', 'database', 'grants', 'http', 'metrics', 'providers'],
      'reading',
    ),
    only(
      'refresher',
      [
        ...['common', 'config', 'database', 'encryption', 'grants', 'metrics', 'providers'],
        ...['journal', 'lifecycle', 'tokens', 'tracing'],
      ],
      'rotation',
    ),
    only(
      'consents',
      [
        ...['common', 'config', 'database', 'encryption', 'grants', 'journal', 'lifecycle'],
        'metrics',
      ],
      'what a consent brought, until it is stored; what it needs of requests is a port that they implement',
    ),
    only(
      'authorization-requests',
      [
        ...['common', 'config', 'database', 'encryption', 'grants', 'http', 'metrics'],
        ...['consents', 'lifecycle', 'providers', 'tokens'],
      ],
      'the link flow',
    ),
    only(
      'client-tokens',
      [
        ...['audit', 'common', 'config', 'database', 'encryption', 'grants', 'http', 'metrics'],
        ...['lifecycle', 'providers'],
      ],
      "the provider's tokens for the client itself",
    ),
    only(
      'stitch-connect',
      [
        ...['common', 'config', 'consents', 'database', 'grants', 'http', 'metrics'],
        ...['providers', 'tokens'],
      ],
      'what only stitchdata.com has',
    ),
    only(
      'health',
      [
        ...['authorization-requests', 'common', 'config', 'database', 'encryption', 'grants'],
        ...['journal', 'keys', 'lifecycle', 'metrics', 'providers', 'refresher'],
      ],
      'health',
    ),
    only(
      'audit',
      ['common', 'config', 'database', 'encryption', 'http', 'lifecycle', 'metrics'],
      'who did what',
    ),
    only(
      'keys',
      [
        'audit',
        'authorization-requests',
        'client-tokens',
        'common',
        'database',
        'encryption',
        'grants',
        'refresher',
      ],
      'what concerns the sealed values of all tables; their owners describe them',
    ),
    only(
      'ends',
      ['common', 'config', 'database', 'grants', 'lifecycle', 'metrics', 'providers'],
      'ends that can be seen coming',
    ),
    only(
      'console',
      ['common', 'database', 'encryption', 'http', 'keys', 'lifecycle', 'metrics'],
      "the operators' page: it reads what others count",
    ),
    {
      name: 'modules-through-their-index',
      comment: 'a module is imported through its index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'programs-only-start',
      comment: 'main.ts and cli.ts, which begin before anything is loaded',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/', pathNot: ['^src/start/', '^src/cli/'] },
    },
    {
      name: 'nobody-imports-the-start',
      comment: 'the start puts the folders together; none of them knows it',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/start/' },
      to: { path: '^src/([^/]+\\.ts$|start/)' },
    },
    {
      name: 'start-is-not-a-program',
      severity: 'error',
      from: { path: '^src/start/' },
      to: { path: '^src/([^/]+\\.ts$|cli/)' },
    },
    {
      name: 'src-knows-no-tools',
      comment: 'the product never imports the sandbox or the tests',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(sandbox|test|bench)/' },
    },
    {
      name: 'sandbox-stands-alone',
      comment: 'a provider that shared code with the vault would share its mistakes',
      severity: 'error',
      from: { path: '^sandbox/' },
      to: { path: '^src/' },
    },
    {
      name: 'typeorm-in-storage-only',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/database/',
          '\\.(columns|entity|module|store)\\.ts$',
          '-registry\\.ts$',
          '^src/cli/',
          '\\.spec\\.ts$',
        ],
      },
      to: { path: 'node_modules/typeorm/' },
    },
    {
      name: 'oauth-library-in-providers-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/providers/' },
      to: { path: 'node_modules/(openid-client|oauth4webapi)/' },
    },
    {
      name: 'config-library-in-config-only',
      comment: 'its service would give out any variable by its name, not validated and not typed',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/config/' },
      to: { path: 'node_modules/@nestjs/config/' },
    },
    {
      name: 'webhook-library-in-events-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/events/' },
      to: { path: 'node_modules/standardwebhooks/' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'require', 'node', 'default'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
