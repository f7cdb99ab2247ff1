/** The house rules. The import arrows of CONTRIBUTING.md are the tables below; nothing points back up. */
import js from '@eslint/js'
import ts from 'typescript-eslint'

const packages = [
  'contracts',
  'chassis',
  'gateway',
  'agents',
  'channels',
  'identity',
  'memory',
  'packages',
  'providers',
  'tools',
  'traces',
  'cli',
  'test',
]

/** Forbids a package to import any other package than those named, by package name or by path. */
const mayImport = (files, allowed) => ({
  files,
  plugins: { '@typescript-eslint': ts.plugin },
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: packages
              .filter((name) => !allowed.includes(name))
              .flatMap((name) => [`@clawmesh/${name}`, `@clawmesh/${name}/*`]),
            message: 'this package may not be imported from here (CONTRIBUTING.md, The house)',
          },
          {
            regex: '^(\\.\\./)+(contracts|chassis|gateway|services|cli|test)/',
            message: 'other packages are imported by their package name',
          },
        ],
      },
    ],
  },
})

/** Domains are plain functions and types: no transport, no tables. */
const domain = {
  files: ['services/*/src/domain/**/*.ts'],
  rules: {
    'no-restricted-syntax': [
      'error',
      {
        selector:
          'ImportDeclaration[importKind!="type"][source.value=/^(express|@grpc\\u002F.*|@prisma\\u002F.*|pg|.*\\u002Fstore\\u002F.*|.*\\u002Fhttp\\u002F.*|.*\\u002Frpc\\u002F.*)$/]',
        message: 'a domain knows no transport and no tables; import types only',
      },
    ],
  },
}

/** Rows are reached in a scope, a tenant's or the system's; a bare connection is bound to nothing. */
const noBarePool = {
  files: ['services/*/src/**/*.ts', 'chassis/src/**/*.ts', 'cli/src/**/*.ts'],
  ignores: ['services/memory/src/store/vector-index.ts'],
  rules: {
    'no-restricted-properties': [
      'error',
      { property: 'pool', message: 'use database.forTenant(id), or database.system for work over all tenants' },
    ],
  },
}

/** Requests to addresses that users name go through guardedFetch. */
const noBareFetch = {
  files: ['gateway/src/**', 'services/*/src/**', 'cli/src/**', 'chassis/src/**'],
  ignores: ['chassis/src/fetch/**'],
  rules: {
    'no-restricted-globals': ['error', { name: 'fetch', message: 'use guardedFetch of the chassis' }],
    'no-console': 'error',
  },
}

/** Code of WebAssembly is not made and freed over and over in jest's processes (docs/adr/0016). */
const noPgliteInJest = {
  files: ['**/test/**/*.ts'],
  ignores: ['test/support/pglite-process.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: 'cli/src/embedded/(pglite|database)(\\.ts)?$|^@electric-sql/pglite',
            message: 'start it as a process of its own: test/support/pglite.ts',
          },
        ],
      },
    ],
  },
}

export default ts.config(
  {
    ignores: ['**/node_modules/', '**/dist/', 'contracts/src/gen/', 'services/*/src/store/client/', '.cache/'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/max-params': ['error', { max: 5 }],
      // Interfaces of the mesh are asynchronous where some implementation of them is.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        Buffer: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        Response: 'readonly',
        Headers: 'readonly',
        WebAssembly: 'readonly',
      },
    },
  },
  noBareFetch,
  noBarePool,
  { files: ['cli/src/**'], rules: { 'no-console': 'off' } },
  {
    files: ['**/test/**', 'test/**'],
    rules: {
      // What a test reads from the wire is checked by its expectations.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      'require-yield': 'off',
    },
  },
  mayImport(['contracts/src/**'], ['contracts']),
  mayImport(['chassis/src/**'], ['contracts', 'chassis']),
  mayImport(['gateway/src/**', 'services/*/src/**'], ['contracts', 'chassis']),
  mayImport(
    ['cli/src/**'],
    packages.filter((name) => name !== 'test'),
  ),
  domain,
  noPgliteInJest,
)
