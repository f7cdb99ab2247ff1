import { masterTenantId } from '@clawmesh/contracts'
import fc from 'fast-check'
import { userFolder, workspacePath } from '../src/workspace/workspace-path.ts'

const acme = { tenantId: '0193a5b0-7000-7000-8000-0000000000aa', tenantSlug: 'acme' }
const master = { tenantId: masterTenantId, tenantSlug: 'master' }
const owner = { ...acme, agentKey: 'writer', userId: 'alice' }
const path = (given: Partial<typeof owner & { agentWorkspace: string; shared: boolean }>): string =>
  workspacePath('/data', { ...owner, ...given }).path

test('one folder a tenant, agent and user; the master tenant has the base itself', () => {
  expect(path({})).toBe('/data/tenants/acme/writer/alice')
  expect(path(master)).toBe('/data/writer/alice')
  expect(path({ shared: true })).toBe('/data/tenants/acme/writer')
})

test('the agent may name a folder of its own, below its tenant’s', () => {
  expect(path({ agentWorkspace: 'books/one' })).toBe('/data/tenants/acme/books/one/alice')
  expect(path({ agentWorkspace: '/data/tenants/acme/books/' })).toBe('/data/tenants/acme/books/alice')
})

test.each([
  '/etc',
  '/data',
  '/data/tenants/other/x',
  '../other/x',
  'a/../../other',
  'a//b',
  '.',
  'a\\b',
  'a\0',
  '/data/tenants/acme',
])('a workspace %j is refused', (agentWorkspace) => expect(() => path({ agentWorkspace })).toThrow(/invalid path/))

test('an agent of the master tenant cannot be named into another tenant’s folder', () => {
  expect(path({ ...master, agentKey: 'tenants', userId: 'acme' })).toBe('/data/tenants_/acme')
  expect(path({ ...master, agentWorkspace: 'Tenants/acme' })).toBe('/data/Tenants_/acme/alice')
  expect(path({ ...master, agentWorkspace: '/data/tenants/acme/writer' })).toBe('/data/tenants_/acme/writer/alice')
})

describe('the folder of a user', () => {
  test.each(['alice', 'A-z_09', '_', 'a'.repeat(255)])('%s keeps its name', (userId) => {
    expect(userFolder(userId)).toBe(userId)
  })

  test.each([
    ['group:telegram:-100.5', 'group_telegram_-100_5.87df2164'],
    ['../..', '_____.0cfd1c96'],
    ['å😀', '__.2cd7a4a6'],
    ['', '_.e3b0c442'],
  ])('%j gets the first digits of its SHA-256', (userId, folder) => {
    expect(userFolder(userId)).toBe(folder)
  })

  test.each([
    ['a@b', 'a.b'],
    ['Ольга', 'Мария'],
    ['a@b', 'a_b'],
    ['', '_'],
    ['a@b', userFolder('a@b')],
    [`${'ж'.repeat(254)}1`, `${'ж'.repeat(254)}2`],
  ])('%s and %s have folders of their own', (one, other) => {
    expect(userFolder(one)).not.toBe(userFolder(other))
  })

  test('differs for different ids, and is a name that every file system takes', () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 255 }),
      fc.string({ unit: fc.constantFrom(...'a@._-ж') }),
    )
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(userFolder(one)).toMatch(/^[A-Za-z0-9_-]{1,255}$|^[A-Za-z0-9_-]{1,200}\.[0-9a-f]{8}$/)
        if (one.toWellFormed() !== other.toWellFormed()) expect(userFolder(one)).not.toBe(userFolder(other))
      }),
      { numRuns: 2_000 },
    )
  })
})

test('a slug that is no folder name gives way to the tenant id', () => {
  expect(path({ tenantSlug: '..' })).toBe(`/data/tenants/${acme.tenantId}/writer/alice`)
})

test('no user, slug, key or workspace leads out of the tenant’s folder', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('..', '.', '/', '../..', 'tenants', 'a/b', '/data/tenants/x'))
  fc.assert(
    fc.property(text, text, text, text, (userId, tenantSlug, agentKey, agentWorkspace) => {
      let made: string
      try {
        made = path({ userId, tenantSlug, agentKey, agentWorkspace })
      } catch {
        return
      }
      const parts = made.split('/')
      expect(parts.slice(0, 3)).toEqual(['', 'data', 'tenants'])
      expect([tenantSlug, acme.tenantId]).toContain(parts[3])
      expect(parts.length).toBeGreaterThan(5)
      expect(parts).not.toContain('..')
    }),
    { numRuns: 1_500 },
  )
})
