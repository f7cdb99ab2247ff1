/** The feed of events for programs of others: the examples and the permissions of docs/operations/events.md. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventSubject, eventType, type CloudEvent } from '@clawmesh/contracts'
import { connectNatsBus, createLogger, newId, type Bus } from '../src/index.ts'
import { outgoing } from '../../test/support/events.ts'
import { startLogged, type MeshProcess } from '../../test/support/mesh-process.ts'
import { startNats, type NatsHandle } from '../../test/support/nats.ts'
import { ensureProgram } from '../../test/support/system-program.ts'

const guide = fileURLToPath(new URL('../../docs/operations/events.md', import.meta.url))
const example = (name: string) => fileURLToPath(new URL(`../../docs/examples/events/${name}`, import.meta.url))

const [tenant, otherTenant] = [newId(), newId()]
let folder: string
let nats: NatsHandle
let bus: Bus
const started: MeshProcess[] = []

/** The permissions of the guide, for `tenant`. */
const settings = async (): Promise<string> => {
  const [, block] = /```\n(authorization [^`]+)```/.exec(await readFile(guide, 'utf8'))!
  return block!.replaceAll('<tenant id>', tenant).replace('<mesh password>', 'm').replace('<team password>', 't')
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clawmesh-feed-'))
  nats = await startNats({ settings: await settings() })
  bus = await connectNatsBus(
    [`nats://mesh:m@127.0.0.1:${nats.port}`],
    'feed test',
    createLogger({ level: 'silent', name: 'test' }),
  )
})
afterAll(async () => {
  await Promise.all(started.map((each) => each.end('SIGKILL')))
  await bus.close()
  await nats.stop()
  await rm(folder, { recursive: true, force: true })
})

const deleted = (tenantId: string): CloudEvent => ({
  specversion: '1.0',
  id: newId(),
  source: '/clawmesh/agents',
  type: eventType('agentDeleted'),
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  tenantid: tenantId,
  data: { id: newId(), actorId: 'ann' },
})
const publish = async (...events: CloudEvent[]): Promise<string[]> => {
  await bus.publishDurable(events.map((event) => outgoing(eventSubject('agentDeleted', event.tenantid), event)))
  return events.map(({ id }) => id)
}

const programs = {
  'consume.ts': async () => process.execPath,
  'consume.py': () => ensureProgram(['python3'], 'python3'),
}
type Example = keyof typeof programs

const consume = async (name: Example, file: string, env: Record<string, string> = {}): Promise<MeshProcess> => {
  const consumer = startLogged(
    await programs[name](),
    [example(name), file],
    {
      NATS_URL: `nats://billing:t@127.0.0.1:${nats.port}`,
      TENANT_ID: tenant,
      CONSUMER: 'billing',
      EVENTS: '>',
      ...env,
    },
    join(folder, `${randomUUID()}.log`),
  )
  started.push(consumer)
  return consumer
}

const idsIn = async (file: string): Promise<string[]> => {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as CloudEvent).id)
}
/** Waits until events are taken down; all that are. */
const untilTaken = async (consumer: MeshProcess, file: string, wanted: readonly string[]): Promise<string[]> => {
  for (; ; await sleep(20)) {
    const ids = await idsIn(file)
    if (wanted.every((id) => ids.includes(id))) return ids
    if (!consumer.isRunning()) throw new Error(consumer.output())
  }
}

describe.each(Object.keys(programs) as Example[])('%s', (name) => {
  it('takes down each event of its tenant once, though it was killed and events come twice', async () => {
    const file = join(folder, `${name}.jsonl`)
    const [first, foreign, second] = await publish(deleted(tenant), deleted(otherTenant), deleted(tenant))
    const consumer = await consume(name, file)
    await untilTaken(consumer, file, [first!, second!])
    await consumer.end('SIGKILL')

    const again = deleted(tenant)
    const [third] = await publish(again)
    // In another message: what a relay does that died before it noted what it had told.
    const [fourth] = await publish(deleted(tenant), again)
    const next = await consume(name, file)
    const ids = await untilTaken(next, file, [third!, fourth!])
    await next.end('SIGKILL')
    const taken = ids.filter((id) => [first, second, third, fourth].includes(id))
    expect(taken.slice(0, 2)).toEqual([first, second])
    // What was on its way to the one that was killed comes again, after what came meanwhile.
    expect(taken.slice(2).sort()).toEqual([third, fourth].sort())
    expect(ids).not.toContain(foreign)
  })

  it('begins at the time that it is told', async () => {
    await publish(deleted(tenant))
    await sleep(20)
    const since = new Date().toISOString()
    const [id] = await publish(deleted(tenant))
    const file = join(folder, `${name}-since.jsonl`)
    const env = { NATS_URL: `nats://mesh:m@127.0.0.1:${nats.port}`, CONSUMER: name.replace('.', '-'), SINCE: since }
    expect(await untilTaken(await consume(name, file, env), file, [id!])).toEqual([id])
  })

  it('reads no other tenant with the permissions of a team', async () => {
    const file = join(folder, `${name}-other.jsonl`)
    const others: Record<string, string>[] = [{ TENANT_ID: otherTenant }, { TENANT_ID: '*' }, { CONSUMER: 'another' }]
    for (const env of others) {
      const consumer = await consume(name, file, env)
      expect((await consumer.ended).code).toBe(1)
      expect(consumer.output()).toMatch(/permission/i)
    }
    expect(await idsIn(file)).toEqual([])
  })
})
