/** Keys of requests that run once, as the edge asks for them. */
import {
  type IdempotencyServiceService,
  type KeptAnswer,
} from '@clawmesh/contracts/gen/clawmesh/identity/v1/idempotency.ts'
import { MeshError, uuid } from '@clawmesh/contracts'
import { validate, type RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { IdempotencyRows } from './types.ts'

const claim = z.object({
  scopeHash: z.string().regex(/^[0-9a-f]{64}$/),
  claimId: uuid,
  leaseMs: z.int().min(1_000).max(3_600_000),
})
const renewal = claim.omit({ scopeHash: true })
const held = claim.pick({ claimId: true })

const toText = (answer: KeptAnswer): string => JSON.stringify({ ...answer, body: answer.body.toString('base64') })
const toAnswer = (text: string): KeptAnswer => {
  const stored = JSON.parse(text) as Omit<KeptAnswer, 'body'> & { body: string }
  return { ...stored, body: Buffer.from(stored.body, 'base64') }
}

export const createIdempotencyRpc = (
  keysOf: (tenantId: string) => IdempotencyRows,
): RpcFunctions<typeof IdempotencyServiceService> => ({
  claimKey: async ({ caller }, request) => {
    const found = await keysOf(caller.tenantId).claim(validate(claim, request, caller.locale))
    return { state: found.state, answer: found.state === 'done' ? toAnswer(found.answer) : undefined }
  },
  renewClaim: async ({ caller }, request) => {
    const { claimId, leaseMs } = validate(renewal, request, caller.locale)
    return { held: await keysOf(caller.tenantId).renew(claimId, leaseMs) }
  },
  completeClaim: async ({ caller }, request) => {
    const { claimId } = validate(held, request, caller.locale)
    if (request.answer === undefined) throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'answer' })
    await keysOf(caller.tenantId).complete(claimId, toText(request.answer))
    return {}
  },
  abandonClaim: async ({ caller }, request) => {
    await keysOf(caller.tenantId).abandon(validate(held, request, caller.locale).claimId)
    return {}
  },
})
