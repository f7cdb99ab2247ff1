/**
 * Makes the program's folder for images: one bundle with a chunk for what targets load by themselves, the files that it
 * reads beside it, at the places they have in the repository, and a bill of what is in it.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { fromRoot, root } from '../../scripts/root.mjs'

const sources = globSync('{cli,chassis,contracts,gateway,services/*}/src/**/*.{ts,mjs}', {
  cwd: root,
  exclude: ['contracts/src/gen/**', 'services/*/src/db/client/**'],
})
/** How a source names the one that it starts a thread or a process with. */
const started = /new URL\('\.\/([\w-]+)(\.(?:ts|mjs))', import\.meta\.url\)/g

/** Entries: the program, and what it starts threads and processes with. */
export const entries = { main: 'cli/src/main.ts' }
for (const source of sources)
  for (const [, name, extension] of readFileSync(fromRoot(source), 'utf8').matchAll(started)) {
    const path = join(dirname(source), `${name}${extension}`)
    if ((entries[name] ?? path) !== path) throw new Error(`${path} and ${entries[name]} need names of their own`)
    entries[name] = path
  }

/** What is read at run time. */
const files = [
  'package.json',
  'contracts/src/gen/descriptors.binpb',
  'contracts/released',
  ...globSync('services/*/prisma/migrations', { cwd: root }),
]
/** Packages with files of their own: left as they are, from the package that needs them. */
const whole = { 'swagger-ui-dist': 'gateway', '@electric-sql/pglite': 'cli', '@electric-sql/pglite-pgvector': 'cli' }
/** Only for the embedded database. */
const embedded = /^@electric-sql\//

const ours = new RegExp(`^${RegExp.escape(root)}/(cli|chassis|contracts|gateway|services)/(?!.*node_modules)`)

/** `import.meta.url` stays what it is in the repository: outputs lie in one folder beside the files that are read. */
const placesOfSources = {
  name: 'places of sources',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => {
      if (!ours.test(path)) return undefined
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta')) return undefined
      const here = `new URL(${JSON.stringify(`../${relative(root, path)}`)}, import.meta.url).href`
      const contents = text
        .replaceAll(
          "import.meta.resolve('@clawmesh/contracts/descriptors')",
          "new URL('../contracts/src/gen/descriptors.binpb', import.meta['url']).href",
        )
        .replaceAll(started, (_, name) => `new URL('./${name}.mjs', import.meta['url'])`)
        .replaceAll('import.meta.url', () => here)
      return { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' }
    }),
}

/** Packages that read files beside their code, of which only those come along. */
const reading = { 'grpc-health-check': ['chassis', 'proto'], '@grpc/reflection': ['chassis', 'build/proto'] }
const placesOfPackages = {
  name: 'places of packages',
  setup: ({ onLoad }) =>
    onLoad({ filter: /node_modules\/(grpc-health-check|@grpc\/reflection)\/build\/.*\.js$/ }, ({ path }) => {
      const folder = dirname(path.slice(path.lastIndexOf('node_modules/')))
      const contents = readFileSync(path, 'utf8').replaceAll(/\b__dirname\b/g, `(__dirname + '/../${folder}')`)
      return { contents, loader: 'js' }
    }),
}

/** What modules in the form of CommonJS expect to be there. */
const banner = `import { createRequire as __createRequire } from 'node:module'; import { fileURLToPath as __fileURLToPath } from 'node:url'; const require = __createRequire(import.meta.url); const __filename = __fileURLToPath(import.meta.url); const __dirname = __fileURLToPath(new URL('.', import.meta.url));`

/** The packages of which something is in the bundle, from the paths of its inputs. */
const componentsOf = (inputs) => {
  const folders = inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(folders)].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(fromRoot(folder, 'package.json'), 'utf8'))
    return { name, version, license: typeof license === 'string' ? license : undefined }
  })
}

/** CycloneDX. @param {{ name: string, version: string, license?: string }[]} components */
const billOf = (version, components) => ({
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { component: { type: 'application', name: 'clawmesh', version, 'bom-ref': `clawmesh@${version}` } },
  components: components
    .sort((a, b) => `${a.name}@${a.version}`.localeCompare(`${b.name}@${b.version}`))
    .map(({ name, version, license }) => {
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
      return {
        type: 'library',
        name,
        version,
        purl,
        'bom-ref': purl,
        ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
      }
    }),
})

/**
 * @param {string} folder is emptied
 * @param {{ withEmbedded: boolean }} options whether the embedded database comes along
 */
export const bundleInto = async (folder, { withEmbedded }) => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, fromRoot(path)])),
    outdir: join(folder, 'dist'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    metafile: true,
    banner: { js: banner },
    external: Object.keys(whole),
    plugins: [placesOfSources, placesOfPackages],
    logLevel: 'warning',
  })
  for (const file of files) cpSync(fromRoot(file), join(folder, file), { recursive: true })
  for (const [name, [owner, kept]] of Object.entries(reading))
    cpSync(fromRoot(owner, 'node_modules', name, kept), join(folder, 'node_modules', name, kept), { recursive: true })
  const wholes = Object.entries(whole).filter(([name]) => withEmbedded || !embedded.test(name))
  for (const [name, owner] of wholes)
    cpSync(fromRoot(owner, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (path) => !/\.(map|cts|d\.ts)$|\/(absolute-path|index)\.js\.map$/.test(path),
    })
  const components = [
    ...componentsOf(Object.keys(metafile.inputs)),
    ...wholes.map(([name, owner]) => {
      const { version, license } = JSON.parse(
        readFileSync(fromRoot(owner, 'node_modules', name, 'package.json'), 'utf8'),
      )
      return { name, version, license }
    }),
  ]
  const { version } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))
  const bill = join(folder, 'sbom.cdx.json')
  mkdirSync(dirname(bill), { recursive: true })
  writeFileSync(bill, `${JSON.stringify(billOf(version, components), null, 2)}\n`)
  return { version, components: components.length }
}
