import type { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { MeshError } from '@clawmesh/contracts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { embed } from './embed.ts'

const unconfigured = { configured: false, vectors: [], provider: '', model: '' }

export const createEmbeddingsRpc = (selection: ProviderSelection, optionsOf: (call: Call) => CallOptions) =>
  ({
    embed: async (call, { texts, provider, model, dimensions, fromRows }) => {
      const choice = await selection.forEmbedding(call, fromRows)
      const named = provider === '' ? undefined : await selection.named(call.caller.tenantId, provider, fromRows)
      if (provider !== '' && named === undefined)
        throw new MeshError('FAILED_PRECONDITION', 'error.not_found', { kind: 'provider', id: provider })
      const connection = named ?? choice?.connection
      if (connection === undefined) return unconfigured
      const answer = await embed(
        connection,
        {
          texts,
          model: model || (named === undefined ? choice!.model : ''),
          dimensions: dimensions || (named === undefined ? choice!.dimensions : 0),
        },
        optionsOf(call),
      )
      return { configured: true, vectors: answer.vectors, provider: connection.name, model: answer.model }
    },
  }) satisfies Partial<RpcFunctions<typeof ProvidersServiceService>>
