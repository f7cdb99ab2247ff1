/**
 * `npm run check -- tools`: lint, types and tests of one package, at once, for the minutes while one works on it. What
 * it saves between runs lies in `.cache`; the whole of it is `npm run lint`, `npm run typecheck` and `npm test`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { runAtOnce } from './at-once.mjs'
import { jest } from './jest.mjs'
import { fromRoot } from './root.mjs'

const name = process.argv[2]
const folder = [name, `services/${name}`].find((path) => name && existsSync(fromRoot(path, 'package.json')))
if (!folder) {
  console.error('clawmesh: name a package: contracts, chassis, gateway, cli, or a service')
  process.exit(64)
}

const cached = (file) => fromRoot('.cache/check', file)
const slug = folder.replace('/', '-')
mkdirSync(cached('.'), { recursive: true })
const tsconfig = cached(`${slug}.tsconfig.json`)
writeFileSync(tsconfig, JSON.stringify({ extends: '../../tsconfig.json', include: [`../../${folder}`] }))

/** @type {Record<string, string[]>} */
const steps = {
  types: [
    'node_modules/typescript-native/bin/tsc',
    ...['--project', tsconfig, '--noEmit', '--incremental', '--tsBuildInfoFile', cached(`${slug}.tsbuildinfo`)],
  ],
  lint: [
    'node_modules/eslint/bin/eslint.js',
    folder,
    ...['--cache', '--cache-location', cached('eslint/'), '--cache-strategy', 'content'],
  ],
  format: ['node_modules/prettier/bin/prettier.cjs', '--check', folder],
  imports: [
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    '--config',
    '.dependency-cruiser.mjs',
    folder,
  ],
  tests: [...jest, '--silent', '--passWithNoTests', `${folder}/test/`],
}

process.exit(await runAtOnce(steps))
