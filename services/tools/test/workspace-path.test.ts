import { masterTenantId } from '@clawmesh/contracts'
import fc from 'fast-check'
import { sanitiseUserId, workspacePath } from '../src/workspace/index.ts'

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

test('user ids keep A-Z, a-z, 0-9, _ and -', () => {
  expect(sanitiseUserId('group:telegram:-100.5')).toBe('group_telegram_-100_5')
  expect(sanitiseUserId('../..')).toBe('_____')
  expect(sanitiseUserId('å😀')).toBe('__')
  expect(sanitiseUserId('')).toBe('_')
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
    { numRuns: 5000 },
  )
})
