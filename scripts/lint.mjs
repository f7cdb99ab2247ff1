/** `npm run lint`: the rules of the sources, who imports whom, what nobody uses, and format. Further arguments are ESLint's. */
import { runAtOnce } from './at-once.mjs'

const packages = ['contracts', 'chassis', 'gateway', 'services', 'cli', 'test']

process.exit(
  await runAtOnce({
    // Near its limit, the types of the whole project would have it collect garbage most of its time.
    rules: ['--max-old-space-size=8192', 'node_modules/eslint/bin/eslint.js', '.', ...process.argv.slice(2)],
    imports: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      ...['--config', '.dependency-cruiser.mjs', '--output-type', 'err', ...packages],
    ],
    'dead code': ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'],
    format: ['node_modules/prettier/bin/prettier.cjs', '--check', '.'],
  }),
)
