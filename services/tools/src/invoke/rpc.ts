import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { parametersSchema } from '../tool/tool.ts'
import type { InvokeUseCases } from './use-cases.ts'

/** Of arguments that are no JSON the text itself, which no tool accepts: the model is told what is wrong. */
const parsedArguments = (argumentsJson: string): unknown => {
  try {
    return JSON.parse(argumentsJson || '{}')
  } catch {
    return argumentsJson
  }
}

export const createInvokeRpc = (
  invoke: InvokeUseCases,
): Pick<RpcFunctions<typeof ToolsServiceService>, 'listTools' | 'invokeTool'> => ({
  listTools: async (call, request) => {
    const { tools, isPersonal } = await invoke.offered(call, request)
    return {
      tools: tools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        parametersJson: JSON.stringify(parametersSchema(tool)),
      })),
      ofUser: isPersonal,
    }
  },

  invokeTool: async (call, { tool, argumentsJson, context }) => {
    const { metadata, ...result } = await invoke.run(call, {
      tool,
      args: parsedArguments(argumentsJson),
      agent: context?.agentId ?? '',
      userId: context?.userId ?? '',
      sessionKey: context?.sessionKey ?? '',
      channel: context?.channel ?? '',
      chatId: context?.chatId ?? '',
      peerKind: context?.peerKind === 'group' ? 'group' : 'direct',
      iterationShare: context?.iterationShare,
    })
    return { ...result, metadataJson: JSON.stringify(metadata) }
  },
})
