import { createLogger, createLifecycle, type Part } from '../src/index.ts'

/** Parts that write down what happens to them. */
const setUp = (overrides: Record<string, Partial<Part>> = {}) => {
  const seen: string[] = []
  const lines: string[] = []
  const log = createLogger({ level: 'error', name: 'test', stream: { write: (line) => void lines.push(line) } })
  const parts = ['database', 'bus', 'service', 'edge'].map((name): Part => ({
    name,
    start: async () => {
      seen.push(`start ${name}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      seen.push(`${name} runs`)
    },
    stop: async () => {
      seen.push(`stop ${name}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      seen.push(`${name} ended`)
    },
    ...overrides[name],
  }))
  return { life: createLifecycle(parts, log), seen, lines }
}

it('starts parts one after the other and stops them the other way round', async () => {
  const { life, seen } = setUp()
  await life.start()
  await life.stop()
  const order = ['database', 'bus', 'service', 'edge']
  expect(seen).toEqual([
    ...order.flatMap((name) => [`start ${name}`, `${name} runs`]),
    ...order.toReversed().flatMap((name) => [`stop ${name}`, `${name} ended`]),
  ])
})

it('stops once, however often it is told', async () => {
  const { life, seen } = setUp()
  await life.start()
  await Promise.all([life.stop(), life.stop()])
  await life.stop()
  expect(seen.filter((line) => line.startsWith('stop'))).toHaveLength(4)
})

it('goes on stopping when a part fails, and logs which', async () => {
  const { life, seen, lines } = setUp({
    service: {
      stop: async () => {
        throw new Error('stuck')
      },
    },
  })
  await life.start()
  await life.stop()
  expect(seen.slice(-4)).toEqual(['stop bus', 'bus ended', 'stop database', 'database ended'])
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({ part: 'service', msg: 'stopping failed' })
})

it('starts nothing after a part that fails, and stops what had begun', async () => {
  const { life, seen } = setUp({
    service: {
      start: async () => {
        throw new Error('port in use')
      },
    },
  })
  await expect(life.start()).rejects.toThrow('port in use')
  expect(await life.unready()).toEqual(['starting'])
  expect(seen).not.toContain('start edge')
  await life.stop()
  expect(seen.filter((line) => line.startsWith('stop'))).toEqual(['stop service', 'stop bus', 'stop database'])
})

it('is ready only while it runs, and names who is not', async () => {
  let connected = true
  const { life } = setUp({
    database: { ready: async () => connected },
    bus: { ready: () => connected },
    service: { ready: () => true },
  })
  expect(await life.unready()).toEqual(['starting'])
  const starting = life.start()
  expect(await life.unready()).toEqual(['starting'])
  await starting
  expect(await life.unready()).toEqual([])
  connected = false
  expect(await life.unready()).toEqual(['database', 'bus'])
  connected = true
  life.leave()
  expect(await life.unready()).toEqual(['leaving'])
  await life.stop()
  expect(await life.unready()).toEqual(['leaving'])
})

it('stays ready without what it can do without, and says so', async () => {
  let connected = true
  const { life } = setUp({ bus: { degraded: () => !connected } })
  await life.start()
  expect([await life.unready(), life.away()]).toEqual([[], []])
  connected = false
  expect([await life.unready(), life.away()]).toEqual([[], ['bus']])
  await life.stop()
})

it('told to leave while it starts, never says that it is ready', async () => {
  const { life } = setUp()
  const starting = life.start()
  life.leave()
  await starting
  expect(await life.unready()).toEqual(['leaving'])
})
