import { MeshError, type http } from '@clawmesh/contracts'
import { actorOf, type Handlers } from '@clawmesh/chassis'
import type { ToolRunner } from '../domain/runner.ts'
import { parametersSchema } from '../domain/tool.ts'
import type { ToolsStore } from '../store/store.ts'

const header = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

export const createInvokeHandlers = (
  runner: ToolRunner,
  store: ToolsStore,
): Handlers<typeof http.tools, 'invokeTool'> => ({
  invokeTool: async ({ caller, call, body, headers }) => {
    const name = body.tool ?? body.name ?? ''
    const agent = body.agentId ?? header(headers['x-goclaw-agent-id']) ?? header(headers['x-goclaw-agent']) ?? 'default'
    if (body.dryRun) {
      const tool = await runner.find(call, name, agent)
      return { tool: name, description: tool.description, parameters: parametersSchema(tool), dryRun: true }
    }
    const args = { ...(body.args ?? body.parameters ?? {}), ...(body.action ? { action: body.action } : {}) }
    await store.forTenant(caller.tenantId).invoked(name, actorOf(call))
    const result = await runner.run(call, {
      tool: name,
      args,
      agent,
      userId: caller.userId,
      sessionKey: body.sessionKey ?? '',
      channel: body.channel ?? 'http',
      chatId: body.chatId ?? 'api',
      peerKind: body.peerKind ?? 'direct',
    })
    if (result.isError) throw new MeshError('TOOL_ERROR', 'error.tool_failed', { text: result.output })
    return { result: { output: result.output, forUser: result.forUser, metadata: result.metadata } }
  },
})
