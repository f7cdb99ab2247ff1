import { createLogger, createLogTail, recordOf, tailOf, type TailedRecord } from '../src/index.ts'

const line = (fields: object) =>
  `${JSON.stringify({ level: 30, time: '2026-01-01T00:00:00.000Z', pid: 1, ...fields })}\n`

test('a line is a record with its part of the program and what else it says', () => {
  expect(recordOf(line({ name: 'all', service: 'traces', msg: 'stored', tenantId: 't', spans: 3 }))).toEqual({
    timestamp: Date.UTC(2026, 0),
    level: 'info',
    message: 'stored',
    source: 'traces',
    attrs: { tenantId: 't', spans: '3' },
    tenantId: 't',
  })
})

test('what is no JSON is a message, and what is long is cut', () => {
  expect(recordOf('plain\n')).toMatchObject({ level: 'info', message: 'plain' })
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, 'x'.repeat(10_000)]))
  const { message, attrs } = recordOf(line({ msg: 'y'.repeat(100_000), ...many }))
  expect(message.length).toBeLessThan(3_000)
  expect(Object.keys(attrs!)).toHaveLength(32)
  expect(Math.max(...Object.values(attrs!).map((value) => value.length))).toBeLessThan(1_000)
})

test('the last 500 records are kept, whatever their length, and the latest of a level are told in order', () => {
  const tail = createLogTail()
  for (let at = 0; at < 600; at++)
    tail.write(line({ msg: `m${at}`, level: at % 2 === 0 ? 30 : 50, pad: 'x'.repeat(at * 40) }))
  const messages = (records: TailedRecord[]) => records.map(({ message }) => message)
  expect(messages(tail.recent('debug', 1_000))).toEqual(Array.from({ length: 500 }, (_, at) => `m${at + 100}`))
  expect(messages(tail.recent('error', 2))).toEqual(['m597', 'm599'])
})

test('a logger writes where it should, keeps what it wrote, and tells who follows until they stop', () => {
  const written: string[] = []
  const log = createLogger({ level: 'info', name: 'test', stream: { write: (text) => void written.push(text) } })
  const tail = tailOf(log)!
  const followed: string[] = []
  const stop = tail.follow(({ message }) => void followed.push(message))
  log.child({ part: 'bus' }).warn('one')
  log.debug('unheard')
  stop()
  log.info('two')
  expect(written).toHaveLength(2)
  expect(followed).toEqual(['one'])
  expect(tail.recent('debug', 10).map(({ message, source }) => [message, source])).toEqual([
    ['one', 'bus'],
    ['two', 'test'],
  ])
})
