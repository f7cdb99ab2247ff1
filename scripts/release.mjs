/**
 * `npm run release -- 0.2.0`: makes a release as a commit and a tag, and pushes nothing. The changelog's unreleased
 * entries become the version's, and what clients rely on, the OpenAPI document and the gRPC contracts, is kept as it is
 * now, to be compared with from then on. With `--dry-run` it only says what it would do.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { releaseChangelog } from './changelog.mjs'
import { capture } from './process.mjs'
import { fromRoot } from './root.mjs'

const buf = fromRoot('node_modules/@bufbuild/buf/bin/buf')
const cli = fromRoot('cli/src/main.ts')
const keptProto = 'proto/released.binpb'

/** @param {string} reason @returns {never} */
const refuse = (reason) => {
  console.error(`clawmesh: ${reason}`)
  process.exit(1)
}

/** Runs a program and gives what it printed; without the version that an image would set. */
const run = async (/** @type {string} */ program, /** @type {string[]} */ args) => {
  const env = { ...process.env }
  delete env.CLAWMESH_VERSION
  const { code, stdout, stderr } = await capture(program, args, env)
  return { ok: code === 0, text: `${stdout}${stderr}`.trim() }
}
const git = (/** @type {string[]} */ ...args) => run('git', args)
const node = (/** @type {string[]} */ ...args) => run(process.execPath, args)

/** @param {string} text @returns {[number, number, number] | undefined} */
const numbersOf = (text) => {
  const found = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/.exec(text)
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])]
}
/** @param {number[]} a @param {number[]} b */
const isAfter = (a, b) => {
  const at = a.findIndex((number, place) => number !== b[place])
  return at >= 0 && a[at] > b[at]
}

const args = process.argv.slice(2)
const dryRun = args.includes('--dry-run')
const [version = '', ...others] = args.filter((arg) => arg !== '--dry-run')
const manifestFile = fromRoot('package.json')
const manifest = readFileSync(manifestFile, 'utf8')
const current = JSON.parse(manifest).version

const wanted = numbersOf(version)
if (!wanted || others.length > 0) refuse(`name the version: npm run release -- 1.2.3 [--dry-run]; it is ${current} now`)
if (!isAfter(wanted, numbersOf(current))) refuse(`${version} does not come after ${current}`)

const status = await git('status', '--porcelain')
if (!status.ok) refuse(status.text)
if (status.text !== '') refuse(`commit or stash first:\n${status.text}`)
const tag = `v${version}`
if ((await git('rev-parse', '--verify', '--quiet', `refs/tags/${tag}`)).ok) refuse(`there is a tag ${tag} already`)

const changelogFile = fromRoot('CHANGELOG.md')
const release = { version, date: new Date().toISOString().slice(0, 10) }
let changelog
try {
  changelog = releaseChangelog(readFileSync(changelogFile, 'utf8'), release)
} catch (error) {
  refuse(error.message)
}

/** Commands that print what others are built against. */
const kept = [['openapi'], ['events', 'asyncapi']]

// Only a new major version may take something away, over gRPC as over HTTP.
if (wanted[0] <= numbersOf(current)[0]) {
  const broken = await node(buf, 'breaking', '--against', keptProto)
  if (!broken.ok) refuse(`the gRPC contracts break those who were built against ${current}:\n${broken.text}`)
  for (const contract of kept) {
    const checked = await node(cli, ...contract, '--check')
    if (!checked.ok) refuse(checked.text)
  }
}

console.log(`${version}, ${release.date}\n\n${changelog.notes}\n`)
/** Files that name the version of the program's images. */
const deployed = ['charts/clawmesh/Chart.yaml', 'deploy/compose/compose.yaml']
const changed = [
  ...['CHANGELOG.md', 'package.json', 'docs/configuration.md', 'contracts/released', keptProto],
  ...deployed,
]
if (dryRun) {
  console.log(`would change ${changed.join(', ')}; commit and tag ${tag}`)
  process.exit(0)
}

writeFileSync(changelogFile, changelog.text)
writeFileSync(manifestFile, manifest.replace(`"version": "${current}"`, `"version": "${version}"`))
for (const file of deployed)
  writeFileSync(
    fromRoot(file),
    readFileSync(fromRoot(file), 'utf8')
      .replaceAll(/^((?:appV|v)ersion: ).*$/gm, `$1${version}`)
      .replaceAll(`:${current}}`, `:${version}}`),
  )
/** @type {[string, () => Promise<{ ok: boolean, text: string }>][]} */
const steps = [
  ...kept.map((contract) => [contract.join(' '), () => node(cli, ...contract, '--keep')]),
  ['the gRPC contracts', () => node(buf, 'build', '-o', keptProto)],
  // It names the version as a default.
  ['the configuration reference', () => node(cli, 'config', 'docs', 'docs/configuration.md')],
  ['git add', () => git('add', '--', ...changed)],
  ['git commit', () => git('commit', '--quiet', '-m', `chore(release): ${version}`)],
  ['git tag', () => git('tag', '--annotate', '--cleanup=whitespace', tag, '-m', `${version}\n\n${changelog.notes}`)],
]
for (const [what, step] of steps) {
  const { ok, text } = await step()
  if (!ok) refuse(`${what}: ${text}\nnothing is pushed; "git status" and "git restore ." go back`)
}
console.log(`committed and tagged ${tag}; push both when you are content: git push --follow-tags`)
