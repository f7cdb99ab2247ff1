import fc from 'fast-check'
import { MeshError } from '@clawmesh/contracts'
import { z } from 'zod'
import { isAway, reasonLimit, reasonOf } from '../src/events/failure.ts'

/** As Prisma throws what the database says of a statement. */
const prismaFailure = (originalCode: string, message: string) =>
  failure(`Raw query failed. Code: \`${originalCode}\`. Message: \`${message}\``, {
    code: 'P2010',
    meta: { driverAdapterError: failure('DriverAdapterError', { cause: { originalCode, originalMessage: message } }) },
  })

const failure = (message: string, fields: object = {}) => Object.assign(new Error(message), fields)

describe('the reason that is kept of a failure', () => {
  it.each([
    ['an ordinary text', new TypeError('x is not a function'), 'TypeError: x is not a function'],
    [
      'a code',
      failure('violates check constraint "refused"', { code: '23514' }),
      /^Error 23514: violates .* "refused"$/,
    ],
    ['lines', failure('one\n  two\0'), 'Error: one two\uFFFD'],
    ['an id', failure('no agent 01a1fb44-e5a6-757f-a7a8-02dca76935d5'), /01a1fb44-e5a6-757f-a7a8-02dca76935d5$/],
    ['what is no error', 'broken', 'Error: broken'],
    ['nothing', undefined, 'Error: undefined'],
    ['what has no text', Object.create(null), 'Error: something that has no text'],
    ['a name that is no name', { name: 'a\0b', toString: () => 'odd' }, 'a\uFFFDb: odd'],
  ])('tells %s', (_, thrown, expected) => {
    expect(reasonOf(thrown)).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected))
  })

  it.each([
    ['a password in a URL', failure('cannot reach postgres://me:hush@db/x')],
    ['a key', failure('401 for sk-hush4567890123456789')],
    ['a value that PostgreSQL refuses', failure('invalid input syntax for type uuid: "hush"', { code: '22P02' })],
    ['a value that PostgreSQL refuses Prisma', prismaFailure('22P02', 'invalid input syntax for type uuid: "hush"')],
    ['a value cut off by the limit', failure(`invalid input: "${'x'.repeat(1_990)}hush`, { code: '22P02' })],
    ['a value that a schema refuses', z.object({ id: z.uuid() }).safeParse({ id: 'hush' }).error],
  ])('tells nothing of %s', (_, thrown) => {
    expect(reasonOf(thrown)).not.toContain('hush')
  })

  it('is bounded and storable whatever is thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.string({ unit: 'binary' }).map((text) => new Error(text)),
        ),
        (thrown) => {
          const reason = reasonOf(thrown)
          expect(reason.length).toBeLessThanOrEqual(reasonLimit)
          expect(reason.isWellFormed() && !reason.includes('\0')).toBe(true)
        },
      ),
    )
    expect(reasonOf(failure('a'.repeat(10_000_000))).length).toBeLessThanOrEqual(reasonLimit)
  })
})

it.each([
  ['the database refuses connections', failure('connect ECONNREFUSED', { code: 'ECONNREFUSED' }), true],
  ['the database goes down', failure('terminating connection', { code: '57P01' }), true],
  ['the database is a standby', failure('read-only', { code: '25006' }), true],
  ['the disk is full', failure('disk full', { code: '53100' }), true],
  ['a table is not there yet', failure('no relation', { code: '42P01' }), true],
  ['a right is missing, deep down', new Error('query failed', { cause: failure('denied', { code: '42501' }) }), true],
  ['the database goes down under Prisma', prismaFailure('57P01', 'terminating connection'), true],
  ['a table is not there for Prisma', prismaFailure('42P01', 'no relation'), true],
  ['a value is refused Prisma', prismaFailure('22P02', 'bad value'), false],
  ['another service is away', new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'agents' }), true],
  ['another service refuses', new MeshError('INVALID_REQUEST', 'error.invalid_request'), false],
  ['a value is refused', failure('bad value', { code: '22P02' }), false],
  ['a constraint is violated', failure('violates', { code: '23514' }), false],
  ['the handler is broken', new TypeError('x is not a function'), false],
  ['nothing is thrown', undefined, false],
])('whether something is away is seen: %s', (_, thrown, expected) => {
  expect(isAway(thrown)).toBe(expected)
})
