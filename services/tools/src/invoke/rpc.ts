import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { parametersSchema } from '../tool/tool.ts'
import type { InvokeUseCases } from './use-cases.ts'

export const createInvokeRpc = (invoke: InvokeUseCases): RpcFunctions<typeof ToolsServiceService> => ({
  listTools: async (call, { toolsConfigJson }) => ({
    tools: (await invoke.offered(call, toolsConfigJson)).map((tool) => ({
      name: tool.name,
      description: tool.description,
      parametersJson: JSON.stringify(parametersSchema(tool)),
    })),
  }),

  invokeTool: async (call, { tool, argumentsJson, context }) => {
    const { metadata, ...result } = await invoke.run(call, {
      tool,
      args: JSON.parse(argumentsJson || '{}') as unknown,
      agent: context?.agentId ?? '',
      userId: context?.userId ?? '',
      sessionKey: context?.sessionKey ?? '',
      channel: context?.channel ?? '',
      chatId: context?.chatId ?? '',
      peerKind: context?.peerKind === 'group' ? 'group' : 'direct',
    })
    return { ...result, metadataJson: JSON.stringify(metadata) }
  },
})
