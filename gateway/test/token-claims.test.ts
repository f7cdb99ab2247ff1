import fc from 'fast-check'
import { claimAt, roleIn, userIn } from '../src/admission/token-claims.ts'

describe('a claim', () => {
  const payload = { sub: 'a', realm: { roles: ['x'], 'a.b': 1 }, 'https://example.org/role': 'staff', 'a.b': 'dotted' }

  it.each([
    ['sub', 'a'],
    ['realm.roles', ['x']],
    ['https://example.org/role', 'staff'],
    ['a.b', 'dotted'],
    ['realm.missing', undefined],
    ['sub.length', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['realm.constructor.name', undefined],
    ['', undefined],
    ['.', undefined],
  ])('%j is read by name or path, of what the token itself says', (name, value) => {
    expect(claimAt(payload, name)).toEqual(value)
  })

  it('is read from any JSON without throwing', () => {
    fc.assert(
      fc.property(fc.object(), fc.string(), (object, name) => {
        claimAt(object, name)
        userIn(object, name)
        roleIn(object, { roleClaim: name, roleMapping: {}, defaultRole: '' })
      }),
    )
  })
})

describe('a user', () => {
  it.each([
    ['alice', 'alice'],
    ['người dùng', 'người dùng'],
    ['a'.repeat(255), 'a'.repeat(255)],
    ['a'.repeat(256), undefined],
    ['ư'.repeat(128), undefined],
    ['', undefined],
    ['a\nb', undefined],
    ['a\0', undefined],
    [7, undefined],
    [null, undefined],
    [['alice'], undefined],
    [{ id: 'alice' }, undefined],
  ])('named %j', (sub, user) => {
    expect(userIn({ sub }, 'sub')).toBe(user)
  })
})

describe('a role', () => {
  const roleMapping = { reader: 'viewer', staff: 'operator', boss: 'admin', 'Org Admin': 'admin', root: 'owner' }
  const roleOf = (roles: unknown, defaultRole = '') =>
    roleIn({ roles }, { roleClaim: 'roles', roleMapping, defaultRole })

  it.each([
    ['staff', 'operator'],
    [['staff'], 'operator'],
    [['reader', 'boss', 'staff'], 'admin'],
    ['openid staff reader', 'operator'],
    ['Org Admin', 'admin'],
    [['reader staff'], undefined],
    ['Staff', undefined],
    ['unknown', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    [[7, null, { staff: true }], undefined],
    [{ staff: true }, undefined],
    [undefined, undefined],
  ])('%j gives the highest that is mapped', (claim, role) => {
    expect(roleOf(claim)).toBe(role)
  })

  it('is never owner, even when a mapping says so', () => {
    expect(roleOf('root')).toBeUndefined()
    expect(roleOf('none', 'owner')).toBeUndefined()
  })

  it('is the default one for those whose claims give none, and only for those', () => {
    expect([roleOf('unknown', 'viewer'), roleOf(undefined, 'viewer'), roleOf('boss', 'viewer')]).toEqual([
      'viewer',
      'viewer',
      'admin',
    ])
    expect(roleIn({ roles: 'boss' }, { roleClaim: '', roleMapping, defaultRole: 'operator' })).toBe('operator')
  })
})
