/**
 * `npm run bench`: what a chat turn costs, beside a stateless proxy of the same kind on the same Node and upstream.
 * Options: --rounds N (3), --seconds N (3), --only direct,peer,mesh,all,edge,conversation,failover,rpc,hop,memory,tools,memory-scale,
 * --scenarios <part of a name>, --rpc grpc (services call each other with a gRPC call each, not over links), --beside NAME=value (a
 * second mesh with that variable, measured in the same rounds), --before <folder> (a mesh and an all of another checkout whose Prisma
 * clients are generated, measured in the same rounds), --profile (a CPU profile of the one process), --misses (what memory search did
 * not find), --sentence-model <folder> (of docs/adr/0042, measured too), --memory-database <url> (an empty database with pgvector for
 * memory-scale, which otherwise fills the embedded one and runs only when named). With rpc, hop, memory, tools or memory-scale alone no
 * mesh is started.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { apiOf, type Api } from '../support/mesh-api.ts'
import { startAll } from '../support/mesh-all.ts'
import { startMesh } from '../support/mesh-processes.ts'
import { startNats } from '../support/nats.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { startPeer, startUpstream } from './children.ts'
import { conversationBench } from './conversation.ts'
import { edgeBench } from './edge.ts'
import { failoverBench } from './failover.ts'
import { hopBench } from './hop.ts'
import { load, type HttpTarget, type LoadResult, type LoadTarget } from './load.ts'
import { memoryBench } from './memory.ts'
import { memoryScaleBench } from './memory-scale.ts'
import { cpuMs, cpuMsByProgram, family, rssMb } from './proc.ts'
import { addBenchProvider } from './provider.ts'
import { topFunctions } from './profile.ts'
import { rpcBench } from './rpc.ts'
import { toolsBench } from './tools.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'direct,peer,mesh,all,edge,conversation,failover,rpc,hop,memory,tools' },
    scenarios: { type: 'string', default: '' },
    rpc: { type: 'string', default: 'link' },
    beside: { type: 'string', multiple: true, default: [] },
    before: { type: 'string' },
    tools: { type: 'string', default: 'edit,list_files,memory_get,memory_search,read_file,web_fetch,write_file' },
    profile: { type: 'boolean', default: false },
    misses: { type: 'boolean', default: false },
    'sentence-model': { type: 'string' },
    'memory-database': { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const durationMs = Number(options.seconds) * 1000
const wanted = options.only.split(',')

const undo: (() => unknown)[] = []
const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

interface Subject {
  name: string
  chat: HttpTarget
  read?: HttpTarget
  /** An API key of it. */
  key?: string
  /** What it consists of, for CPU and memory; the database is counted apart. */
  pids: Record<string, number>
}

const messages = [{ role: 'user', content: 'Say fifty words, please.' }]
const json = { 'content-type': 'application/json' }

const chatVia = (origin: string, model: string, headers: Record<string, string> = {}): HttpTarget => ({
  origin,
  path: '/v1/chat/completions',
  method: 'POST',
  headers: { ...json, ...headers },
  body: JSON.stringify({ model, messages, stream: false }),
})

const asStream = (target: HttpTarget): HttpTarget => ({
  ...target,
  body: target.body!.replace('"stream":false', '"stream":true'),
})

/** An agent on the fast upstream, and a key that may run it: a turn is then authenticated, limited and traced as any. */
const prepare = async (api: Api, upstream: string): Promise<{ headers: Record<string, string>; key: string }> => {
  await addBenchProvider(api, upstream)
  // The default agent is open to every user.
  await api.as({ userId: 'bench' }).need('POST', '/v1/agents', {
    agent_key: 'bench',
    provider: 'bench',
    model: 'bench',
    is_default: true,
    // Releases are compared over the same request: each tool that one of them has more makes its requests longer.
    ...(options.tools === 'all' ? {} : { tools_config: { allow: options.tools.split(',') } }),
  })
  const { key } = await api.need<{ key: string }>('POST', '/v1/api-keys', { name: 'bench', scopes: ['operator.write'] })
  return {
    headers: { authorization: `Bearer ${key}`, 'x-goclaw-user-id': 'bench' },
    key,
  }
}

/** A limit far away, so that the limiter works and never refuses. */
const env = {
  CLAWMESH_RATE_LIMIT_RPM: '60000000',
  CLAWMESH_RATE_LIMIT_BURST: '1000000',
  CLAWMESH_LOG_LEVEL: 'warn',
  // Machines have one or not.
  CLAWMESH_BROWSER_ENABLED: 'false',
  CLAWMESH_RPC_TRANSPORT: options.rpc,
}

/** Processes whose profile is shown. */
const profiled = ['gateway-1', 'agents-1', 'providers']
const meshes = ['mesh', 'mesh before', 'beside']
const splitPair = (pair: string): [string, string] => {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), pair.slice(at + 1)]
}
/** NODE_OPTIONS ends an option at a blank. */
const folderName = (subject: string): string => subject.replaceAll(' ', '_')
const profiling = (folder: string): Record<string, string> =>
  options.profile ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` } : {}

interface Setup {
  subjects: Subject[]
  profileDir: string
  /** Measures the edge by itself. */
  edge: () => Promise<void>
  /** Measures turns of short and long conversations. */
  conversation: () => Promise<void>
  /** Measures turns that go to the next model. */
  failover: () => Promise<void>
}

const startSubjects = async (): Promise<Setup> => {
  const postgres = await startPostgres({ durable: true })
  undo.push(() => postgres.stop())
  const databaseOf = async (name: string): Promise<string> => {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    await client.query(`CREATE DATABASE ${name}`)
    await client.end()
    return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href
  }
  const upstream = await startUpstream()
  undo.push(upstream.stop)
  const subjects: Subject[] = []
  const profileDir = mkdtempSync(join(tmpdir(), 'clawmesh-profile-'))

  if (wanted.includes('direct')) subjects.push({ name: 'direct', chat: chatVia(upstream.origin, 'bench'), pids: {} })
  if (wanted.includes('peer')) {
    const peer = await startPeer()
    undo.push(peer.stop)
    const headers = {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${upstream.origin}/v1`,
      authorization: 'Bearer sk-bench',
    }
    subjects.push({ name: 'peer', chat: chatVia(peer.origin, 'bench', headers), pids: { peer: peer.pid } })
  }
  const addMesh = async (
    name: string,
    further: Readonly<Record<string, string>> = {},
    checkout?: string,
  ): Promise<void> => {
    const [nats, redis] = await Promise.all([startNats(), startRedis()])
    undo.push(
      () => nats.stop('SIGKILL'),
      () => redis.stop('SIGKILL'),
    )
    const mesh = await startMesh({
      env: { ...env, ...further },
      envOf: (member) => profiling(join(profileDir, folderName(name), member)),
      databaseUrl: await databaseOf(`bench_${name.replace(' ', '_')}`),
      natsUrl: nats.url,
      redisUrl: redis.url,
      checkout,
    })
    undo.push(async () => {
      if (options.profile) for (const member of profiled) await mesh.kill(member, 'SIGTERM')
      await mesh.stop()
    })
    const { headers, key } = await prepare(mesh.api(0, 'system'), upstream.origin)
    const origin = mesh.edges[0]!
    subjects.push({
      name,
      chat: chatVia(origin, 'goclaw:bench', headers),
      read: { origin, path: '/v1/agents', method: 'GET', headers },
      key,
      pids: Object.fromEntries(mesh.names.map((member) => [member, mesh.pid(member)])),
    })
  }
  if (wanted.includes('mesh')) await addMesh('mesh')
  if (options.beside.length > 0)
    await addMesh('beside', Object.fromEntries(options.beside.map((pair) => splitPair(pair))))
  const addAll = async (name: string, checkout?: string): Promise<void> => {
    const token = 'the gateway token of the benchmark'
    const all = await startAll({
      env: {
        ...env,
        DATABASE_URL: await databaseOf(`bench_${name.replace(' ', '_')}`),
        GOCLAW_GATEWAY_TOKEN: token,
        ...profiling(join(profileDir, folderName(name))),
      },
      checkout,
    })
    // A profile is written by a process that ends, not by one that is killed.
    undo.push(() => (options.profile ? all.kill('SIGTERM') : all.stop()))
    const { headers, key } = await prepare(apiOf({ url: all.url, token, userId: 'system' }), upstream.origin)
    subjects.push({
      name,
      chat: chatVia(all.url, 'goclaw:bench', headers),
      read: { origin: all.url, path: '/v1/agents', method: 'GET', headers },
      key,
      pids: { all: all.pid },
    })
  }
  if (wanted.includes('all')) await addAll('all')
  if (options.before !== undefined) {
    const before = resolve(options.before)
    if (wanted.includes('mesh')) await addMesh('mesh before', {}, before)
    if (wanted.includes('all')) await addAll('all before', before)
  }
  const edge = async (): Promise<void> => {
    const [nats, redis] = await Promise.all([startNats(), startRedis()])
    try {
      await edgeBench({
        databaseUrl: await databaseOf('bench_edge'),
        natsUrl: nats.url,
        redisUrl: redis.url,
        upstreamOrigin: upstream.origin,
        durationMs,
      })
    } finally {
      await Promise.all([nats.stop('SIGKILL'), redis.stop('SIGKILL')])
    }
  }
  const conversation = async (): Promise<void> =>
    conversationBench({ databaseUrl: await databaseOf('bench_talk'), upstreamOrigin: upstream.origin, env })
  const failover = async (): Promise<void> =>
    failoverBench({ databaseUrl: await databaseOf('bench_failover'), upstreamOrigin: upstream.origin, env })
  return { subjects, profileDir, edge, conversation, failover }
}

interface Measured extends LoadResult {
  cpuMsPerRequest: number
  /** The same by process. */
  cpuMsOf: Record<string, number>
  /** What the rest of the machine spent on it, by program: the database, NATS, Redis, the load itself. */
  cpuMsBeside: Record<string, number>
}

const measure = async (subject: Subject, target: LoadTarget, concurrency: number): Promise<Measured> => {
  await load(target, concurrency, { afterMs: 400 })
  const usedBy = () =>
    Object.entries(subject.pids).map(
      ([name, pid]) => [name, family(pid).reduce((sum, one) => sum + cpuMs(one), 0)] as const,
    )
  const own = new Set(Object.values(subject.pids).flatMap(family))
  const before = new Map(usedBy())
  const besideBefore = cpuMsByProgram(process.pid, own)
  const result = await load(target, concurrency, { afterMs: durationMs })
  const cpuMsBeside = Object.fromEntries(
    Object.entries(cpuMsByProgram(process.pid, own)).map(([name, ms]) => [
      name,
      (ms - (besideBefore[name] ?? 0)) / result.requests,
    ]),
  )
  const cpuMsOf = Object.fromEntries(usedBy().map(([name, ms]) => [name, (ms - before.get(name)!) / result.requests]))
  const cpuMsPerRequest = Object.values(cpuMsOf).reduce((sum, ms) => sum + ms, 0)
  return { ...result, cpuMsPerRequest, cpuMsOf, cpuMsBeside }
}

interface Scenario {
  name: string
  concurrency: number
  target: (subject: Subject) => LoadTarget | undefined
}

/** The same stream in the words of another API, which only meshes speak. */
const streamAt =
  (path: string, body: object): Scenario['target'] =>
  ({ chat, read }) =>
    read && { ...chat, path, body: JSON.stringify({ model: 'goclaw:bench', stream: true, ...body }) }

let loads = 0
/** A turn over WebSocket. Each connection is a user with a conversation: a user's connections are all told of each other's. */
const chatSend: Scenario['target'] = ({ chat: { origin }, key }) => {
  if (key === undefined) return undefined
  const name = `bench-${loads++}`
  return {
    origin,
    connectOf: (connection) => ({ token: key, user_id: `${name}-${connection}`, protocolVersion: 3 }),
    method: 'chat.send',
    paramsOf: (connection) => ({
      message: messages[0]!.content,
      sessionKey: `agent:bench:ws:direct:${name}-${connection}`,
      stream: true,
    }),
  }
}

const scenarios: Scenario[] = [
  { name: 'chat, 1 at a time', concurrency: 1, target: ({ chat }) => chat },
  { name: 'chat, 32 at a time', concurrency: 32, target: ({ chat }) => chat },
  { name: 'chat.send of 50 chunks, 32 at a time', concurrency: 32, target: chatSend },
  { name: 'stream of 50 chunks, 1 at a time', concurrency: 1, target: ({ chat }) => asStream(chat) },
  { name: 'stream of 50 chunks, 32 at a time', concurrency: 32, target: ({ chat }) => asStream(chat) },
  {
    name: 'responses stream of 50 chunks, 32 at a time',
    concurrency: 32,
    target: streamAt('/v1/responses', { input: messages }),
  },
  {
    name: 'messages stream of 50 chunks, 32 at a time',
    concurrency: 32,
    target: streamAt('/v1/messages', { max_tokens: 1_000, messages }),
  },
  { name: 'GET /v1/agents, 32 at a time', concurrency: 32, target: ({ read }) => read },
]

const cell = (value: number, digits: number) => value.toFixed(digits).padStart(9)

const print = (scenario: Scenario, results: Map<string, Measured[]>): void => {
  const of = (name: string, field: Exclude<keyof Measured, 'cpuMsOf' | 'cpuMsBeside'>) =>
    median((results.get(name) ?? []).map((result) => result[field]))
  console.log(`\n${scenario.name}`)
  console.log('                req/s   p50 ms   p99 ms  1st byte  +p50 ms  +1st ms   CPU ms  x peer')
  for (const name of results.keys())
    console.log(
      name.padEnd(12) +
        cell(of(name, 'perSecond'), 0) +
        cell(of(name, 'p50Ms'), 2) +
        cell(of(name, 'p99Ms'), 2) +
        cell(of(name, 'firstByteP50Ms'), 2) +
        cell(of(name, 'p50Ms') - of('direct', 'p50Ms'), 2) +
        cell(of(name, 'firstByteP50Ms') - of('direct', 'firstByteP50Ms'), 2) +
        cell(of(name, 'cpuMsPerRequest'), 2) +
        cell(of(name, 'perSecond') / of('peer', 'perSecond'), 2),
    )
  for (const [name, measured] of results) {
    // What slows a round down slows both.
    const before = results.get(`${name} before`)
    if (before === undefined) continue
    const ratio = (field: 'perSecond' | 'cpuMsPerRequest') =>
      median(measured.map((result, round) => result[field] / before[round]![field])).toFixed(2)
    console.log(`${name} x before, round by round: requests/s ${ratio('perSecond')}, CPU ${ratio('cpuMsPerRequest')}`)
  }
  const listed = (cpuMs: Record<string, number> = {}) =>
    Object.entries(cpuMs)
      .filter(([, ms]) => ms >= 0.01)
      .map(([name, ms]) => `${name} ${ms.toFixed(2)}`)
      .join(', ')
  const medians = (all: readonly Record<string, number>[]) =>
    Object.fromEntries(Object.keys(all[0] ?? {}).map((name) => [name, median(all.map((one) => one[name] ?? 0))]))
  for (const name of meshes) {
    const measured = results.get(name)
    if (measured !== undefined)
      console.log(`CPU ms of ${name}: ${listed(medians(measured.map(({ cpuMsOf }) => cpuMsOf)))}`)
  }
  for (const [name, measured] of results)
    console.log(`CPU ms beside ${name}: ${listed(medians(measured.map(({ cpuMsBeside }) => cpuMsBeside)))}`)
}

const readiness = async (): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'clawmesh-ready-'))
  const seconds: number[] = []
  for (let start = 0; start < 4; start++) {
    const startedAt = performance.now()
    const all = await startAll({ dataDir })
    seconds.push((performance.now() - startedAt) / 1000)
    await all.kill('SIGTERM')
  }
  const [first, ...later] = seconds
  console.log(
    `\nseconds to ready (--target all, embedded): first start ${first!.toFixed(1)}, later ${median(later).toFixed(1)}`,
  )
  await rm(dataDir, { recursive: true, force: true })
}

const benchMeshes = async (): Promise<void> => {
  const { subjects, profileDir, edge, conversation, failover } = await startSubjects()
  await sleep(12_000)
  console.log('resident memory when idle, MB:')
  for (const { pids } of subjects)
    for (const [name, pid] of Object.entries(pids)) console.log(`  ${name.padEnd(12)} ${rssMb(pid)}`)
  for (const scenario of subjects.length === 0
    ? []
    : scenarios.filter(({ name }) => name.includes(options.scenarios))) {
    const results = new Map<string, Measured[]>()
    for (let round = 0; round < rounds; round++)
      // Every other round backwards, so that none always comes after the same one.
      for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
        const target = scenario.target(subject)
        if (target === undefined) continue
        results.set(subject.name, [
          ...(results.get(subject.name) ?? []),
          await measure(subject, target, scenario.concurrency),
        ])
      }
    print(scenario, results)
  }
  console.log('\nresident memory after the load, MB:')
  for (const { pids } of subjects)
    for (const [name, pid] of Object.entries(pids)) console.log(`  ${name.padEnd(12)} ${rssMb(pid)}`)
  // The database and the upstream stay for the edge.
  for (const step of undo.splice(2).reverse()) await step()
  if (wanted.includes('edge')) await edge()
  if (wanted.includes('conversation')) await conversation()
  if (wanted.includes('failover')) await failover()
  for (const step of undo.splice(0).reverse()) await step()
  for (const name of ['all', 'all before', ...meshes.flatMap((mesh) => profiled.map((member) => join(mesh, member)))]) {
    const top = topFunctions(join(profileDir, folderName(name)))
    if (top.length > 0) console.log(`\nCPU profile of ${name}, self time:`)
    for (const { share, name: place } of top) console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${place}`)
  }
  if (!process.env.KEEP_PROFILES) await rm(profileDir, { recursive: true, force: true })
  await readiness()
}

try {
  if (wanted.includes('rpc')) await rpcBench(rounds, durationMs)
  if (wanted.includes('hop')) await hopBench(rounds, durationMs)
  if (wanted.includes('memory')) await memoryBench({ misses: options.misses, sentenceModel: options['sentence-model'] })
  if (wanted.includes('tools')) await toolsBench(rounds, durationMs)
  if (wanted.includes('memory-scale')) await memoryScaleBench({ databaseUrl: options['memory-database'] })
  if (wanted.some((part) => !['rpc', 'hop', 'memory', 'tools', 'memory-scale'].includes(part))) await benchMeshes()
} finally {
  for (const step of undo.reverse()) await step()
}
