import {
  ChatDone,
  ChatMessage,
  ChatRequest,
  type ChatResponse,
  type ProvidersServiceService,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { estimatedInputTokens, MeshError } from '@clawmesh/contracts'
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import type { Metering } from '../chat/metering.ts'
import { objectOf, parseJson } from '../chat/protocols/json.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { mediaCandidates } from './candidates.ts'
import { isMediaTool } from './defaults.ts'
import { make } from './make.ts'

const pieceBytes = 1_048_576
/** What something made counts as, under caps: vendors bill it in ways of their own, images mostly as so many. */
const tokensOfMade = 1_500

interface Parts {
  selection: Pick<ProviderSelection, 'usable' | 'named'>
  optionsOf: (call: Call) => CallOptions
  metering: Pick<Metering, 'metered'>
  /** Private hosts that the operator permits. */
  allow: readonly string[]
  pollMs: number
}

export const createMediaRpc = ({ selection, optionsOf, metering, allow, pollMs }: Parts) =>
  ({
    // Of a tool that only newer releases know nobody is capable.
    listMediaProviders: async ({ caller }, { tool }) => ({
      providers: isMediaTool(tool) ? mediaCandidates(tool, await selection.usable(caller.tenantId)) : [],
    }),

    makeMedia: async function* (call, { provider, tool, instrumental, paramsJson, attempts, spender, ...request }) {
      const connection = await selection.named(call.caller.tenantId, provider)
      if (connection === undefined)
        throw new MeshError('FAILED_PRECONDITION', 'error.not_found', { kind: 'provider', id: provider })
      const options = optionsOf(call)
      const { model, prompt } = request
      const counted = ChatRequest.fromPartial({
        ...{ provider, model, options: { maxTokens: tokensOfMade } },
        messages: [ChatMessage.fromPartial({ role: 'user', content: prompt })],
        ...(spender === undefined ? {} : { spender }),
      })
      let bytes: Buffer = Buffer.alloc(0)
      /** As caps know calls of models. */
      const making = async function* (): AsyncGenerator<ChatResponse> {
        bytes = await make(
          connection,
          tool,
          { ...request, isInstrumental: instrumental, params: objectOf(parseJson(paramsJson)) ?? {} },
          { options: { ...options, ...(attempts > 0 ? { retry: { attempts } } : {}) }, allow, pollMs },
        )
        const usage = { inputTokens: estimatedInputTokens(counted), outputTokens: tokensOfMade }
        yield { event: { $case: 'done', value: ChatDone.fromPartial({ provider: connection.name, model, usage }) } }
      }
      await Array.fromAsync(await metering.metered(call, connection, counted, making))
      yield { part: { $case: 'head', value: { provider: connection.name, model, size: bytes.length } } }
      for (let at = 0; at < bytes.length; at += pieceBytes)
        yield { part: { $case: 'data', value: bytes.subarray(at, at + pieceBytes) } }
    },
  }) satisfies Partial<RpcFunctions<typeof ProvidersServiceService>>
