import { z } from 'zod'
import { json } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

export const toolInvocation = defineHttpTable('tools', {
  invokeTool: {
    method: 'POST',
    path: '/v1/tools/invoke',
    role: 'operator',
    summary: 'Run one tool without an agent loop, or show its schema (dryRun)',
    rules: {
      takesAliases: 'A tool may be called by an older name: `bash`, `edit_file`, `sessions_spawn`, `apply-patch`',
      takesNameAndParameters: '`name` and `parameters` stand in for `tool` and `args`; without a name it is refused',
      isCountedByItself:
        'Calls are limited in a rate of their own, whatever runs are started; one with `dryRun` is not counted',
      runsNothingDry: 'With `dryRun` nothing runs: the answer is the schema, or 404 for an unknown or disabled tool',
      copiesTheAction: 'An `action` that is not empty becomes `args.action`',
      findsTheAgent:
        'The agent is named by `agentId`, else by X-GoClaw-Agent-Id, else by X-GoClaw-Agent, else it is the default one',
      runsWithoutAnAgent: 'Where no such agent exists the tool runs without one, and tools that need one fail',
      requiresAccessToTheAgent: 'A caller who may not use the agent is answered 403',
      takesTheContext: '`channel`, `chatId` and `peerKind` are the caller’s, else http, api and direct',
      keepsToTheAgentsSessions: 'A session key counts only where it is one of the agent’s',
      reportsFailures: 'A tool that fails, or does not exist, is answered 400 with code TOOL_ERROR and its text',
      scrubsSecrets: 'Credentials in what a tool says are taken out',
      checksArguments: 'Arguments that the tool requires and that are missing are refused before it runs',
      appliesThePolicy:
        'Policies of the installation and of the agent, and tools that the tenant has switched off, hold as they do in a run',
      followsSystemConfigs:
        'The system configs `tools.profile`, `tools.rate_limit_per_hour` and `tools.scrub_credentials` of the tenant go before the configuration of the installation; values that make no sense count as not set',
      worksInTheWorkspace: 'File tools work in the workspace of the tenant, the agent and the user',
      isRecorded: 'Each call stands in the audit log',
      saysWhatIsMissing: 'A tool that nothing here runs yet is not called unknown; the answer says what it needs',
    },
    body: z
      .object({
        tool: z.string().min(1).max(200).optional(),
        name: z.string().min(1).max(200).optional().describe('Alias of tool'),
        action: z.string().max(200).optional(),
        args: json.nullish(),
        parameters: json.nullish().describe('Alias of args'),
        sessionKey: z.string().max(500).optional(),
        agentId: z.string().max(100).optional(),
        dryRun: z.boolean().default(false),
        channel: z.string().max(50).optional(),
        chatId: z.string().max(200).optional(),
        peerKind: z.enum(['direct', 'group']).optional(),
      })
      .refine((body) => body.tool !== undefined || body.name !== undefined, {
        path: ['tool'],
        message: 'tool is required',
      }),
    response: {
      200: z.union([
        z.object({ result: z.object({ output: z.string(), forUser: z.string(), metadata: json }) }),
        z.object({ tool: z.string(), description: z.string(), parameters: json, dryRun: z.literal(true) }),
      ]),
    },
    errors: [400, 404, 429],
    callsTool: true,
    uncountedWhen: 'dryRun',
  },
})
