/** Vectors for texts, from the tenant's embedding provider or a named one. */
import type { Call, Feature } from '@clawmesh/chassis'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { createEmbeddingsHttp } from './http.ts'
import { createEmbeddingsRpc } from './rpc.ts'

interface Parts {
  selection: ProviderSelection
  optionsOf: (call: Call) => CallOptions
}

export const createEmbeddings = ({ selection, optionsOf }: Parts) =>
  ({
    http: createEmbeddingsHttp(selection, optionsOf),
    rpc: createEmbeddingsRpc(selection, optionsOf),
  }) satisfies Feature & { rpc: object }
