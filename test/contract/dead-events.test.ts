/** Every service that consumes events has a table for those that it cannot handle, the same everywhere. */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const services = fileURLToPath(new URL('../../services/', import.meta.url))
const read = (file: string): string => readFileSync(`${services}/${file}`, 'utf8')

const consuming = [
  ...new Set(
    globSync('*/src/**/*.ts', { cwd: services, exclude: ['*/src/db/client/**'] })
      .filter((file) => /\b(createConsumer|createBatchConsumer|EventHandlers)\b/.test(read(file)))
      .map((file) => file.split('/')[0]!),
  ),
].sort()

test('each consuming service has the same table and a model of it', () => {
  expect(consuming).toContain('channels')
  const texts = consuming.map((service) => {
    const [file] = globSync(`${service}/prisma/migrations/*_dead_events/migration.sql`, { cwd: services })
    expect([service, file]).toEqual([service, expect.any(String)])
    expect(read(`${service}/prisma/schema.prisma`)).toContain('@@map("dead_events")')
    return read(file!).replaceAll(`${service}.dead_events`, 'SCHEMA.dead_events')
  })
  expect(new Set(texts).size).toBe(1)
})

test('no service consumes events past its dead events', () => {
  const found = globSync('*/src/**/*.ts', { cwd: services, exclude: ['*/src/db/client/**'] }).filter((file) =>
    /\bbus\.consume\(/.test(read(file)),
  )
  expect(found).toEqual([])
})
