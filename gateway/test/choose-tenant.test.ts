import { masterTenantId } from '@clawmesh/contracts'
import type { TenantScope } from '../src/admission/tenant-scope.ts'
import { createTenantChooser } from '../src/admission/choose-tenant.ts'
import { listedLookups } from './support/lookups.ts'

const tenant = (digit: string, slug: string, status = 'active') => ({
  id: `0193a5b0-7000-7000-8000-0000000000${digit.repeat(2)}`,
  slug,
  name: slug,
  status,
})
const acme = tenant('a', 'acme')
const other = tenant('b', 'other')
const suspended = tenant('c', 'suspended', 'suspended')
const archived = tenant('d', 'archived', 'archived')
const lookups = listedLookups({
  tenants: [acme, other, suspended, archived],
  members: [`${acme.id} alice`, `${suspended.id} alice`],
})

const own = (tenantId: string): TenantScope => ({ kind: 'own', tenantId })
const all: TenantScope = { kind: 'all' }
const membership: TenantScope = { kind: 'membership' }
const masterOnly: TenantScope = { kind: 'master' }

const choose = async (
  reach: TenantScope,
  userId: string,
  named: string,
  unknownTenantFallback = false,
): Promise<string> => {
  try {
    return (await createTenantChooser({ unknownTenantFallback }, lookups)(reach, userId, named)).slug
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

it.each<[string, TenantScope, string, string, string]>([
  ['a system owner or key, none named', all, 'system', '', 'master'],
  ['a system owner or key, by slug', all, 'system', 'acme', 'acme'],
  ['a system owner or key, by id', all, '', acme.id, 'acme'],
  ['a system owner or key, by id in upper case', all, '', acme.id.toUpperCase(), 'acme'],
  ['a system owner or key, unknown slug', all, 'system', 'nobody', 'NOT_FOUND'],
  ['a system owner or key, unknown id', all, 'system', tenant('e', '').id, 'NOT_FOUND'],
  ['a system owner or key, suspended', all, 'system', 'suspended', 'TENANT_ACCESS_REVOKED'],
  ['a system owner or key, archived', all, 'system', 'archived', 'TENANT_ACCESS_REVOKED'],
  ['another user, none named', membership, 'bob', '', 'master'],
  ['another user, the master tenant named', membership, 'bob', 'master', 'master'],
  ['another user, the master tenant by id', membership, '', masterTenantId, 'master'],
  ['another user, a member', membership, 'alice', 'acme', 'acme'],
  ['another user, not a member', membership, 'bob', 'acme', 'TENANT_ACCESS_REVOKED'],
  ['another user, member of a suspended one', membership, 'alice', 'suspended', 'TENANT_ACCESS_REVOKED'],
  ['another user, unknown', membership, 'alice', 'nobody', 'NOT_FOUND'],
  ['another user, nobody named', membership, '', 'acme', 'UNAUTHORIZED'],
  ['a bound key, none named', own(acme.id), 'alice', '', 'acme'],
  ['a bound key, its own named', own(acme.id), 'alice', 'acme', 'acme'],
  ['a bound key, another named', own(acme.id), 'alice', 'other', 'acme'],
  ['a bound key, an unknown one named', own(acme.id), 'alice', 'nobody', 'acme'],
  ['a bound key of a suspended tenant', own(suspended.id), 'alice', '', 'TENANT_ACCESS_REVOKED'],
  ['a bound key of a tenant that is gone', own(tenant('e', '').id), 'alice', '', 'TENANT_ACCESS_REVOKED'],
  ['development, none named', masterOnly, 'system', '', 'master'],
  ['development, another named', masterOnly, 'system', 'acme', 'master'],
])('%s', async (_, reach, userId, named, chosen) => {
  expect(await choose(reach, userId, named)).toBe(chosen)
})

it.each([
  ['too long', 'x'.repeat(101)],
  ['no slug', '../acme'],
  ['a quote', "acme' or '1'='1"],
  ['spaces', 'acme other'],
])('never asks for a tenant by a text that can be none: %s', async (_, named) => {
  const asked: string[] = []
  const noted = { ...lookups, tenant: async (reference: string) => void asked.push(reference) }
  await expect(
    createTenantChooser({ unknownTenantFallback: false }, noted)(all, 'system', named),
  ).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(asked).toEqual([])
})

it('falls back to the master tenant where that is switched on, but only for unknown names', async () => {
  expect(await choose(all, 'system', 'nobody', true)).toBe('master')
  expect(await choose(membership, 'bob', 'acme', true)).toBe('TENANT_ACCESS_REVOKED')
  expect(await choose(all, 'system', 'suspended', true)).toBe('TENANT_ACCESS_REVOKED')
})
