import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ToolRunner } from '../domain/runner.ts'
import { parametersSchema } from '../domain/tool.ts'

export const createToolsRpc = (runner: ToolRunner): RpcFunctions<typeof ToolsServiceService> => ({
  listTools: async (call, { toolsConfigJson }) => ({
    tools: (await runner.offered(call, toolsConfigJson)).map((tool) => ({
      name: tool.name,
      description: tool.description,
      parametersJson: JSON.stringify(parametersSchema(tool)),
    })),
  }),

  invokeTool: async (call, { tool, argumentsJson, context }) => {
    const result = await runner.run(call, {
      tool,
      args: JSON.parse(argumentsJson || '{}') as unknown,
      agent: context?.agentId ?? '',
      userId: context?.userId ?? '',
      sessionKey: context?.sessionKey ?? '',
      channel: context?.channel ?? '',
      chatId: context?.chatId ?? '',
      peerKind: context?.peerKind === 'group' ? 'group' : 'direct',
    })
    const { output, isError, forUser, metadata } = result
    return { output, isError, forUser, metadataJson: JSON.stringify(metadata) }
  },
})
