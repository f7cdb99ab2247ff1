/** Identity tokens (JWT, RFC 7519) that nobody of the mesh has made, or that no longer hold. */
import { createHash, createHmac } from 'node:crypto'
import { createIdentityTokens } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const keyOf = (secret: string): Buffer => createHash('sha256').update(`clawmesh identity ${secret}`).digest()

const signed = (header: object, payload: object, key: Buffer, hash = 'sha256'): string => {
  const text = `${part(header)}.${part(payload)}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}

/** Tokens by what is wrong with them. `secret` is the real one, for those that are wrong in something else. */
export const forgedTokens = async (secret: string, caller: Caller): Promise<Record<string, string>> => {
  const key = keyOf(secret)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const header = { alg: 'HS256' }
  const payload = { caller, iss: 'clawmesh', exp: nowSeconds + 300 }
  const good = signed(header, payload, key)
  const [head, , signature] = good.split('.') as [string, string, string]
  return {
    'no token': 'forged',
    'JSON of the caller': Buffer.from(JSON.stringify(caller)).toString('base64'),
    'another secret': await createIdentityTokens('another secret of at least 32 characters').mint(caller),
    'secret itself as key': signed(header, payload, Buffer.from(secret)),
    unsigned: `${part({ alg: 'none' })}.${part(payload)}.`,
    'signature left out': good.slice(0, good.lastIndexOf('.') + 1),
    'other algorithm': signed({ alg: 'HS512' }, payload, key, 'sha512'),
    'claims changed': `${head}.${part({ ...payload, caller: { ...caller, role: 'owner', userId: 'x' } })}.${signature}`,
    expired: signed(header, { ...payload, exp: nowSeconds - 1 }, key),
    'other issuer': signed(header, { ...payload, iss: 'elsewhere' }, key),
    'not valid yet': signed(header, { ...payload, nbf: nowSeconds + 300 }, key),
    'no caller': signed(header, { iss: payload.iss, exp: payload.exp }, key),
    'role that does not exist': signed(header, { ...payload, caller: { ...caller, role: 'root' } }, key),
    'tenant that is no id': signed(header, { ...payload, caller: { ...caller, tenantId: '' } }, key),
    'token twice': `${good}.${good}`,
  }
}
