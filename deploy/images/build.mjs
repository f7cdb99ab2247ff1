/**
 * `npm run images`: builds the images with docker, podman or buildah, whichever is here, and runs every target from its
 * image as the test. `-- clawmesh` builds one, `-- clawmesh-browser` one that is optional; `--base clawmesh=registry/image@sha256:...` builds on a base of a registry
 * instead of one that mmdebstrap makes; `--save <folder>` writes archives besides; `--no-check` leaves the test out.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { capture } from '../../scripts/process.mjs'
import { fromRoot } from '../../scripts/root.mjs'
import { bundleInto } from './bundle.mjs'
import { checkImages } from './check.mjs'
import { findEngine, saveImage, works } from './engine.mjs'
import { images, suite, user, usualImages } from './images.mjs'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    engine: { type: 'string' },
    base: { type: 'string', multiple: true, default: [] },
    save: { type: 'string' },
    tag: { type: 'string' },
    'no-check': { type: 'boolean', default: false },
  },
})

const refuse = (/** @type {string} */ reason) => {
  console.error(`clawmesh: ${reason}`)
  process.exit(1)
}
const run = async (/** @type {string} */ program, /** @type {string[]} */ args) => {
  const { code, stdout, stderr } = await capture(program, args, process.env)
  if (code !== 0) refuse(`${program} ${args.slice(0, 3).join(' ')} failed:\n${stderr.slice(-2_000)}`)
  return stdout.trim()
}
const work = (/** @type {string[]} */ ...parts) => fromRoot('.cache/images', ...parts)

/** PostgreSQL asks for its user's name, and where there is none only some engines give it one; Kubernetes does not. */
const addUser = `mkdir -p "$1/etc" && echo "clawmesh:x:${user}:${user}::/tmp:/usr/sbin/nologin" >>"$1/etc/passwd"`

/** A base of Debian's packages alone, kept until its packages change. */
const madeBase = async (/** @type {string} */ name) => {
  const { packages, variant } = images[name]
  const stamp = `${suite} ${variant} ${packages.join(' ')} ${addUser}`
  const tar = work(`${name}-base.tar`)
  if (existsSync(tar) && existsSync(`${tar}.of`) && readFileSync(`${tar}.of`, 'utf8') === stamp) return tar
  if (!(await works(['mmdebstrap', '--version']))) refuse('mmdebstrap is needed to make bases, or name one with --base')
  const without = ['doc', 'man', 'locale', 'info', 'lintian'].map(
    (folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`,
  )
  const only = variant === 'extract' ? [] : ['--aptopt=Apt::Install-Recommends "false"', ...without]
  const given = [...only, `--customize-hook=${addUser}`, `--include=${packages.join(',')}`]
  await run('mmdebstrap', ['--quiet', `--variant=${variant}`, ...given, suite, tar])
  writeFileSync(`${tar}.of`, stamp)
  return tar
}

/** Folders that volumes are mounted on: a new volume takes their mode over, and only root owns what is copied into an image. */
const layFolders = (/** @type {string} */ context, /** @type {string[]} */ folders) => {
  for (const folder of folders) {
    mkdirSync(join(context, 'root', folder), { recursive: true })
    chmodSync(join(context, 'root', folder), 0o1777)
  }
}

/** What a program's image holds beside its base, below `root/`. */
const layProgram = async (
  /** @type {string} */ context,
  /** @type {import('./images.mjs').Image} */ { embedded, packageHelper },
) => {
  const { version } = await bundleInto(join(context, 'root/app'), { withEmbedded: embedded ?? false })
  mkdirSync(join(context, 'root/usr/local/bin'), { recursive: true })
  const node = join(context, 'root/usr/local/bin/node')
  copyFileSync(process.execPath, node)
  if (await works(['strip', '--version'])) await run('strip', ['--strip-unneeded', node])
  const command = join(context, 'root/usr/local/bin/clawmesh')
  writeFileSync(command, "#!/usr/local/bin/node\nimport('/app/dist/main.mjs')\n", { mode: 0o755 })
  if (packageHelper === true) {
    const entry = join(context, 'root/usr/local/bin/clawmesh-with-package-helper')
    copyFileSync(fromRoot('deploy/images/with-package-helper.sh'), entry)
  }
  return version
}

const containerfile = (
  /** @type {string} */ name,
  /** @type {string | undefined} */ base,
  /** @type {string} */ version,
  /** @type {string} */ revision,
) => {
  const { title, entrypoint, program } = images[name]
  const labels = { title, version, revision, licenses: 'Apache-2.0', vendor: 'Clawmesh' }
  return [
    `FROM ${base ?? 'scratch'}`,
    ...(base === undefined ? ['ADD base.tar /'] : []),
    'COPY root /',
    ...Object.entries(labels).map(([label, text]) => `LABEL org.opencontainers.image.${label}=${JSON.stringify(text)}`),
    'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin',
    ...(program ? [`ENV NODE_ENV=production CLAWMESH_DATA_DIR=/var/lib/clawmesh CLAWMESH_VERSION=${version}`] : []),
    'WORKDIR /tmp',
    `USER ${user}:${user}`,
    `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
    '',
  ].join('\n')
}

const bases = new Map(
  values.base.map(
    (text) => /** @type {[string, string]} */ ([text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  ),
)
const names = positionals.length > 0 ? positionals : usualImages
const unknown = [...names, ...bases.keys()].find((name) => !Object.hasOwn(images, name))
if (unknown !== undefined) refuse(`no image ${unknown}; there are ${Object.keys(images).join(', ')}`)

const engine = values.engine ?? (await findEngine().catch((error) => refuse(error.message)))
const revision = await run('git', ['rev-parse', 'HEAD'])
const { version: packageVersion } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))
/** @type {{ name: string, reference: string }[]} */
const built = []
for (const name of names) {
  const image = images[name]
  const context = work(name)
  rmSync(context, { recursive: true, force: true })
  mkdirSync(join(context, 'root/usr/local/bin'), { recursive: true })
  const base = bases.get(name)
  if (base === undefined) copyFileSync(await madeBase(name), join(context, 'base.tar'))
  if (image.program) await layProgram(context, image)
  else {
    copyFileSync(fromRoot('deploy/images/dependencies.sh'), join(context, 'root/usr/local/bin/clawmesh-dependencies'))
    cpSync(fromRoot('deploy/backup'), join(context, 'root/usr/local/bin'), { recursive: true })
  }
  layFolders(context, image.volumes)
  const version = values.tag ?? packageVersion
  writeFileSync(join(context, 'Containerfile'), containerfile(name, base, version, revision))
  const reference = `localhost/${name}:${version}`
  await run(engine, ['build', '--quiet', '--tag', reference, '--file', join(context, 'Containerfile'), context])
  built.push({ name, reference })
  console.log(`built ${reference} with ${engine}`)
  if (values.save !== undefined) {
    mkdirSync(values.save, { recursive: true })
    const archive = join(values.save, `${name}.tar`)
    await saveImage(engine, reference, archive)
    console.log(`saved ${archive}`)
  }
  rmSync(context, { recursive: true, force: true })
}
if (!values['no-check']) await checkImages(engine, built)
