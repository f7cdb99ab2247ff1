import type { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { MeshError, uuid } from '@clawmesh/contracts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { toCount } from '../intake/count.ts'
import type { UsageLedger } from './ledger.ts'

const idOf = (id: string): string => {
  if (!uuid.safeParse(id).success)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: 'reservation_id',
      reason: 'must be an id',
    })
  return id
}

const nobody = { apiKey: '', user: '', agent: '', provider: '', model: '' }

export const createUsageCapRpc = (ledger: UsageLedger) =>
  ({
    listCappedUsage: async ({ caller }) => ({
      capped: (await ledger.capped(caller)).map(({ scope, subject, mode }) => ({
        scope,
        subject,
        hard: mode === 'hard',
      })),
    }),

    reserveUsage: async ({ caller }, { reservationId, subjects = nobody, inputTokens, outputTokens, beginsRun }) => ({
      reserved: await ledger.reserve(caller, {
        reservationId: idOf(reservationId),
        subjects,
        inputTokens: toCount(inputTokens),
        outputTokens: toCount(outputTokens),
        beginsRun,
      }),
    }),

    settleUsage: async ({ caller }, { reservationId, ...call }) => ({
      settled: await ledger.settle(caller, {
        reservationId: idOf(reservationId),
        asked: { provider: call.provider, model: call.model },
        served: { provider: call.servedProvider, model: call.servedModel },
        tokens: {
          input: toCount(call.inputTokens),
          output: toCount(call.outputTokens),
          cacheRead: toCount(call.cacheReadTokens),
          cacheCreated: toCount(call.cacheCreationTokens),
        },
      }),
    }),
  }) satisfies Partial<RpcFunctions<typeof TracesServiceService>>
