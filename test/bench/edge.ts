/** The edge by itself, before an upstream that answers at once: what authentication adds, cold and warm. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMesh } from '../support/mesh-processes.ts'
import { benchKey, insertKeys } from './keys.ts'
import { load, type HttpTarget, type LoadEnd, type LoadResult } from './load.ts'
import { cpuMs, family, rssMb } from './proc.ts'

const keys = 10_000
const connections = 64

interface EdgeOptions {
  databaseUrl: string
  natsUrl: string
  redisUrl: string
  upstreamOrigin: string
  durationMs: number
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

const startBareProxy = async (upstream: string) => {
  const child = spawn(process.execPath, [script('bare-proxy.ts'), upstream], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    origin: `http://127.0.0.1:${Number(String(line).trim())}`,
    pid: child.pid!,
    stop: () => child.kill('SIGKILL'),
  }
}

/** The sum of a metric's values by kind, from a process's /metrics. */
const metric = (text: string, name: string, kind: string): number =>
  Number(new RegExp(`^${name}\\{kind="${kind}"\\} (\\S+)`, 'm').exec(text)?.[1] ?? 0)

/** Prints what the edge adds with so many keys, and what admission costs by itself. */
export const edgeBench = async (options: EdgeOptions): Promise<void> => {
  const { databaseUrl, natsUrl, redisUrl, upstreamOrigin, durationMs } = options
  const mesh = await startMesh({
    together: true,
    databaseUrl,
    natsUrl,
    redisUrl,
    env: { CLAWMESH_RATE_LIMIT_RPM: '60000000', CLAWMESH_RATE_LIMIT_BURST: '1000000', CLAWMESH_LOG_LEVEL: 'warn' },
    // What it proxies to is the fast upstream, not agents.
    envOf: (name) =>
      name.startsWith('gateway')
        ? { CLAWMESH_AGENTS_HTTP_URL: upstreamOrigin, CLAWMESH_EDGE_TRANSPORT: 'http' }
        : undefined,
  })
  const bare = await startBareProxy(upstreamOrigin)
  try {
    await insertKeys(databaseUrl, keys)
    const target = (origin: string): HttpTarget => ({
      origin,
      path: '/v1/chat/completions',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      headersOf: (request) => ({
        authorization: `Bearer ${benchKey(request % keys)}`,
        'x-goclaw-user-id': `user-${request % keys}`,
      }),
      body: JSON.stringify({ model: 'goclaw:bench', messages: [{ role: 'user', content: 'Hello.' }] }),
    })
    const cpuOf = (pid: number) => family(pid).reduce((sum, one) => sum + cpuMs(one), 0)
    const gateway = mesh.pid('gateway-1')
    const measured = async (origin: string, pid: number | undefined, end: LoadEnd) => {
      const before = pid === undefined ? 0 : cpuOf(pid)
      const result = await load(target(origin), connections, end)
      return { ...result, cpuUs: pid === undefined ? 0 : ((cpuOf(pid) - before) * 1000) / result.requests }
    }
    const metrics = async () => (await fetch(mesh.probe('gateway-1', '/metrics'))).text()

    console.log(`\nthe edge alone, ${keys} keys, ${connections} at a time`)
    console.log('                      req/s   p50 ms   p99 ms  +p50 ms  +p99 ms  CPU us')
    let direct: LoadResult | undefined
    const row = (name: string, result: LoadResult & { cpuUs: number }) => {
      direct ??= result
      const cells = [result.p50Ms, result.p99Ms, result.p50Ms - direct.p50Ms, result.p99Ms - direct.p99Ms]
      console.log(
        name.padEnd(18) +
          result.perSecond.toFixed(0).padStart(9) +
          cells.map((ms) => ms.toFixed(2).padStart(9)).join('') +
          result.cpuUs.toFixed(0).padStart(8),
      )
    }
    const end = { afterMs: durationMs }
    await load(target(upstreamOrigin), connections, { afterMs: 500 })
    row('direct', await measured(upstreamOrigin, undefined, end))
    // The edge is warm, its caches are not: these keys are none of the numbered ones.
    for (const origin of [bare.origin, mesh.edges[0]!])
      await load(
        { ...target(origin), headers: { authorization: `Bearer ${mesh.token}` }, headersOf: () => ({}) },
        connections,
        { afterMs: 1_000 },
      )
    row('bare proxy', await measured(bare.origin, bare.pid, end))
    const before = await metrics()
    row('edge, cold keys', await measured(mesh.edges[0]!, gateway, { afterRequests: keys }))
    const cold = await metrics()
    row('edge, warm keys', await measured(mesh.edges[0]!, gateway, end))
    const warm = await metrics()
    const rate = (from: string, to: string) => {
      const grown = (name: string) => metric(to, name, 'api_keys') - metric(from, name, 'api_keys')
      const [hits, misses] = [grown('clawmesh_cache_hits_total'), grown('clawmesh_cache_misses_total')]
      return `${((hits / (hits + misses)) * 100).toFixed(1)} %`
    }
    console.log(
      `key cache: hit rate cold ${rate(before, cold)}, warm ${rate(cold, warm)}; ` +
        `${metric(warm, 'clawmesh_cache_entries', 'api_keys')} entries; resident memory of the edge ${rssMb(gateway)} MB`,
    )
    const alone = spawnSync(process.execPath, [script('admission.ts')], { encoding: 'utf8' })
    console.log(
      `authentication, limit and authorisation, warm, by themselves: ${alone.stdout.trim()} us of CPU a request (aim: 50)`,
    )
  } finally {
    bare.stop()
    await mesh.stop()
  }
}
