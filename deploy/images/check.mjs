/* global fetch */
/** Runs every target from its image: as its user, with a read-only root, until it says that it is ready; then ends it. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { capture } from '../../scripts/process.mjs'
import { images } from './images.mjs'
import { checkThreads } from './threads.mjs'

const readyLimitMs = 300_000
const pollMs = 250

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })

/**
 * @param {string} engine buildah runs nothing by itself: podman does it for it
 * @param {{ name: string, reference: string }[]} built
 * @throws Error naming what does not hold
 */
export const checkImages = async (engine, built) => {
  const runner = engine === 'buildah' ? 'podman' : engine
  const references = new Map(built.map(({ name, reference }) => [name, reference]))
  const dependencies =
    references.get('clawmesh-dependencies') ??
    [...references.values()][0]?.replace(/[^/]+(?=:)/, 'clawmesh-dependencies')
  const started = new Set()

  // Where both are there: podman's own choice, crun, refuses machines with two versions of control groups.
  const runtime = runner === 'podman' && (await capture('runc', ['--version'], process.env)).code === 0
  const ask = (/** @type {string[]} */ ...args) =>
    capture(runner, [...(runtime ? ['--runtime', 'runc'] : []), ...args], process.env)
  const must = async (/** @type {string[]} */ ...args) => {
    const { code, stdout, stderr } = await ask(...args)
    if (code !== 0) throw new Error(`${runner} ${args.slice(0, 2).join(' ')} failed:\n${stderr.slice(-2_000)}`)
    return stdout.trim()
  }
  const sealed = [
    ...[
      '--network',
      'host',
      '--read-only',
      '--cap-drop',
      'all',
      '--security-opt',
      'no-new-privileges',
      '--tmpfs',
      '/tmp',
    ],
    ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'],
  ]
  const start = async (
    /** @type {string} */ reference,
    /** @type {Record<string, string | number>} */ env,
    /** @type {string[]} */ args,
    /** @type {string[]} */ more = [],
  ) => {
    const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const id = await must('run', '--detach', ...sealed, ...more, ...variables, reference, ...args)
    started.add(id)
    return id
  }
  const end = async (/** @type {string} */ id) => {
    await ask('stop', '--time', '30', id)
    const code = await must('inspect', '--format', '{{.State.ExitCode}}', id)
    await ask('rm', '--force', id)
    started.delete(id)
    return code
  }
  const until = async (
    /** @type {string} */ what,
    /** @type {string} */ id,
    /** @type {() => Promise<boolean>} */ holds,
  ) => {
    const deadline = performance.now() + readyLimitMs
    for (;;) {
      if (await holds().catch(() => false)) return
      const running = (await ask('inspect', '--format', '{{.State.Running}}', id)).stdout.trim() !== 'false'
      if (!running || performance.now() > deadline) {
        const { stdout, stderr } = await ask('logs', id)
        throw new Error(`${what} ${running ? 'is not ready in time' : 'ended'}:\n${`${stdout}${stderr}`.slice(-2_000)}`)
      }
      await sleep(pollMs)
    }
  }

  try {
    for (const { name, reference } of built) {
      const megabytes = Number(await must('image', 'inspect', '--format', '{{.Size}}', reference)) / 1_000_000
      console.log(`${reference}: ${megabytes.toFixed(0)} MB unpacked`)
      const { maxMb, targets, variant, trial, volumes, program } = images[name]
      if (maxMb !== undefined && megabytes > maxMb) throw new Error(`${name} is above ${maxMb} MB`)
      if (targets.length > 0)
        await checkThreads((...args) => ask('run', '--rm', ...sealed, '--entrypoint', 'node', reference, ...args))
      for (const folder of volumes) {
        const write = ['--entrypoint', 'touch', reference, `${folder}/written`]
        const writeByNode = ['--entrypoint', 'node', reference, '--eval', `fs.writeFileSync('${folder}/written', '')`]
        await must('run', '--rm', ...sealed, '--volume', folder, ...(program === true ? writeByNode : write))
      }
      if (trial !== undefined) {
        const said = await must('run', '--rm', ...sealed, '--entrypoint', trial.program, reference, ...trial.args)
        if (!said.includes(trial.says)) throw new Error(`${trial.program} of ${name} said: ${said.slice(0, 2_000)}`)
        console.log(`${trial.program} of ${name} works`)
      }
      for (const absent of variant === 'extract' ? ['sh', 'apt-get', 'dpkg'] : [])
        if ((await ask('run', '--rm', ...sealed, '--entrypoint', absent, reference, '--version')).code === 0)
          throw new Error(`${name} has ${absent}`)
    }
    const targets = built.flatMap(({ name, reference }) =>
      images[name].targets.map((target) => ({ target, reference })),
    )
    if (targets.length === 0) return

    const [postgres, nats, redis] = await Promise.all([freePort(), freePort(), freePort()])
    const password = randomBytes(12).toString('hex')
    const database = await start(
      dependencies,
      { POSTGRES_USER: 'clawmesh', POSTGRES_PASSWORD: password },
      ['postgres', '-p', String(postgres)],
      ['--tmpfs', '/var/lib/postgresql/data:mode=1777'],
    )
    await start(dependencies, {}, ['nats-server', '--jetstream', '--store_dir', '/tmp/nats', '--port', String(nats)])
    await start(dependencies, {}, ['redis-server', '--port', String(redis), '--dir', '/tmp'])
    const env = {
      DATABASE_URL: `postgres://clawmesh:${password}@127.0.0.1:${postgres}/clawmesh`,
      NATS_URL: `nats://127.0.0.1:${nats}`,
      REDIS_URL: `redis://127.0.0.1:${redis}`,
      CLAWMESH_MESH_SECRET: randomBytes(32).toString('hex'),
      CLAWMESH_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      GOCLAW_GATEWAY_TOKEN: randomBytes(16).toString('hex'),
      CLAWMESH_DATA_DIR: '/tmp/clawmesh',
    }
    const once = async (/** @type {string[]} */ ...args) => {
      const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
      return ask('run', '--rm', ...sealed, ...variables, targets[0].reference, ...args)
    }
    await until('PostgreSQL', database, async () => (await once('migrate')).code === 0)
    const doctor = await once('doctor')
    if (doctor.code !== 0) throw new Error(`doctor is not content:\n${doctor.stdout}`)
    console.log('doctor is content')

    for (const { target, reference } of targets) {
      const [http, grpc, edge] = await Promise.all([freePort(), freePort(), freePort()])
      const startedAt = performance.now()
      const ports = { CLAWMESH_HTTP_PORT: http, CLAWMESH_GRPC_PORT: grpc, GOCLAW_PORT: edge, CLAWMESH_LAME_DUCK_MS: 0 }
      const outside =
        target === 'all' ? { GOCLAW_GATEWAY_TOKEN: env.GOCLAW_GATEWAY_TOKEN, CLAWMESH_DATA_DIR: '/tmp/clawmesh' } : env
      const id = await start(reference, { ...outside, ...ports }, ['start', '--target', target])
      await until(target, id, async () => (await fetch(`http://127.0.0.1:${http}/readyz`)).status === 200)
      const readyMs = performance.now() - startedAt
      const code = await end(id)
      if (code !== '0') throw new Error(`${target} ended with ${code}`)
      console.log(`${target}: ready after ${(readyMs / 1_000).toFixed(1)} s, ended with 0`)
    }

    // A backup into a second database, and the mesh content with that one.
    const restored = env.DATABASE_URL.replace(/clawmesh$/, 'restored')
    const both = `clawmesh-backup /tmp/backup && psql -qc 'CREATE DATABASE restored' "$DATABASE_URL" && DATABASE_URL=${restored} clawmesh-restore /tmp/backup`
    const copied = [
      'run',
      '--rm',
      ...sealed,
      '--env',
      `DATABASE_URL=${env.DATABASE_URL}`,
      dependencies,
      'sh',
      '-c',
      both,
    ]
    console.log(await must(...copied))
    env.DATABASE_URL = restored
    for (const command of ['migrate', 'doctor']) {
      const { code, stdout, stderr } = await once(command)
      if (code !== 0) throw new Error(`${command} is not content with the restored database:\n${stdout}${stderr}`)
    }
    console.log('a restored backup holds what it held, and doctor is content with it')
  } finally {
    await Promise.all([...started].map((id) => ask('rm', '--force', id)))
  }
}
