/** Rules for the sources. Who may import whom is in .dependency-cruiser.mjs. */
import js from '@eslint/js'
import regexp from 'eslint-plugin-regexp'
import ts from 'typescript-eslint'

/** Rows are reached in a scope, a tenant's or the system's; a bare connection is bound to nothing. */
const noBarePool = {
  files: ['services/*/src/**/*.ts', 'chassis/src/**/*.ts', 'cli/src/**/*.ts'],
  ignores: ['services/memory/src/search/index-rows.ts'],
  rules: {
    'no-restricted-properties': [
      'error',
      { property: 'pool', message: 'use database.forTenant(id), or database.system for work over all tenants' },
    ],
  },
}

/** Rows change through `change`, so that no event, eviction or wake-up of the relay can be forgotten. */
const changesOfRows = {
  files: ['services/*/src/**/*.ts'],
  // Runs begin and end in batched statements, which store their outbox rows themselves (docs/adr/0006).
  ignores: ['services/agents/src/runs/**'],
  rules: {
    'no-restricted-syntax': [
      'error',
      { selector: 'MemberExpression[property.name="$transaction"]', message: 'use change (docs/adr/0018)' },
      {
        selector: 'ImportSpecifier[imported.name=/^(outboxRow|isUniqueViolation|evict)$/]',
        message: 'use change, which stores events, names conflicts and evicts (docs/adr/0018)',
      },
    ],
  },
}

/** Names that only this project would use; docs/glossary.md has the field's words for them. */
const plainWords = {
  files: ['**/*.ts'],
  rules: {
    'id-denylist': ['error', 'door', 'doors', 'room', 'rooms', 'told', 'hear', 'poke', 'serially', 'toWire'],
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

/** Whatever starts a program for somebody does so under the limits of one guard. */
const oneExecGuard = {
  files: ['chassis/src/**/*.ts', 'gateway/src/**/*.ts', 'services/*/src/**/*.ts'],
  ignores: ['chassis/src/exec/child.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: ['node:child_process', 'child_process'].map((name) => ({ name, message: 'use @clawmesh/chassis/exec' })),
      },
    ],
  },
}

/**
 * No pattern takes more than linear time, whatever text it meets: strangers write most of what is read here. `report:
 * potential` also refuses what is slow only in the middle of a longer pattern or for a caller that adds to it.
 */
const linearPatterns = {
  files: ['**/src/**/*.ts', 'scripts/**/*.mjs'],
  plugins: { regexp },
  rules: {
    'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
    'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: false, ignorePartial: false }],
  },
}

export default ts.config(
  {
    ignores: ['**/node_modules/', '**/dist/', 'contracts/src/gen/', 'services/*/src/db/client/', '.cache/'],
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
        AbortController: 'readonly',
        Response: 'readonly',
        Headers: 'readonly',
        WebAssembly: 'readonly',
      },
    },
  },
  linearPatterns,
  oneExecGuard,
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
  changesOfRows,
  plainWords,
  noPgliteInJest,
)
