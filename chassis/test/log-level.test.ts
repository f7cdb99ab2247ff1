import { createLogger, setLogLevel } from '../src/index.ts'

it('a changed level holds for the logger and for all that were made from it before and after', () => {
  const lines: string[] = []
  const log = createLogger({ level: 'warn', name: 'test', stream: { write: (line) => void lines.push(line) } })
  const grandchild = log.child({ part: 'a' }).child({ part: 'b' })
  const say = () => [log, grandchild, log.child({})].forEach((logger) => logger.info('heard'))
  say()
  expect(lines).toHaveLength(0)
  setLogLevel(log, 'info')
  say()
  expect(lines).toHaveLength(3)
  setLogLevel(log, 'error')
  say()
  expect(lines).toHaveLength(3)
})
