import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { parametersSchema } from '../tool/tool.ts'
import type { InvokeUseCases } from './use-cases.ts'

const header = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

export const createInvokeHttp = (invoke: InvokeUseCases) =>
  implementHttp(http.toolInvocation)({
    invokeTool: async ({ caller, call, body, headers }) => {
      const tool = body.tool ?? body.name ?? ''
      const agent =
        body.agentId ?? header(headers['x-goclaw-agent-id']) ?? header(headers['x-goclaw-agent']) ?? 'default'
      if (body.dryRun) {
        const found = await invoke.find(call, tool, agent)
        return { tool, description: found.description, parameters: parametersSchema(found), dryRun: true }
      }
      const { output, forUser, metadata } = await invoke.runByHand(call, {
        tool,
        args: { ...(body.args ?? body.parameters), ...(body.action ? { action: body.action } : {}) },
        agent,
        userId: caller.userId,
        sessionKey: body.sessionKey ?? '',
        channel: body.channel ?? 'http',
        chatId: body.chatId ?? 'api',
        peerKind: body.peerKind ?? 'direct',
      })
      return { result: { output, forUser, metadata } }
    },
  })
