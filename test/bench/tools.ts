/**
 * What tools cost beside their work, in one process: a call of one through the tools service, and the lists that a turn
 * begins with, of an agent without MCP servers and of one with 1,020 tools of 30.
 */
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { datetime } from '../../services/tools/src/general/datetime.ts'
import { manyTools } from '../../services/tools/test/many-tools.ts'
import { mcpTenant } from '../../services/tools/test/mcp-support.ts'
import { startTools, type ToolsHarness } from '../../services/tools/test/support.ts'
import { startDependencies } from '../support/dependencies.ts'
import { compare } from './cpu.ts'

const servers = 30
const toolsEach = 34

const measure = async (tools: ToolsHarness, limits: { rounds: number; durationMs: number }): Promise<void> => {
  const rpc = tools.rpc(ToolsServiceService)
  const plain = mcpTenant(tools)
  const rich = mcpTenant(tools)
  const [plainAgent, richAgent] = [plain.agent(), rich.agent()]
  const { base, headers, close } = await manyTools(toolsEach)
  try {
    for (let at = 0; at < servers; at++) {
      const id = await rich.server({ name: `srv-${at}`, url: `${base}/${at}` })
      await rich.post(`/servers/${id}/grants/agent`, { agent_id: richAgent })
    }
    const context = {
      ...{ agentId: plainAgent, agentKey: 'helper', userId: 'ann', sessionKey: 'agent:helper:ws:direct:1' },
      ...{ channel: 'ws', chatId: '1', peerKind: 'direct', runId: '', workspace: '', toolsConfigJson: '' },
    }
    const args = { timezone: 'Asia/Ho_Chi_Minh' }
    const argumentsJson = JSON.stringify(args)
    const bare = {
      tenantId: plain.admin.tenantId,
      channel: 'ws',
      chatId: '1',
      peerKind: 'direct' as const,
      userId: 'ann',
    }
    const { signal } = new AbortController()
    await compare(
      'a call of datetime',
      new Map<string, () => Promise<void>>([
        ['its work alone', async () => void (await datetime.tool.run(args, { ...bare, sessionKey: '', signal }))],
        [
          'through the service',
          async () =>
            void (await rpc.invokeTool(tools.call(plain.admin), { tool: 'datetime', argumentsJson, context })),
        ],
      ]),
      limits,
    )
    const list = (mine: typeof plain, agentId: string) => async () =>
      void (await rpc.listTools(tools.call(mine.admin), { agentId, userId: 'ann', toolsConfigJson: '' }))
    await list(rich, richAgent)()
    const asked = headers.length
    await compare(
      'the list of a turn',
      new Map([
        ['no MCP server', list(plain, plainAgent)],
        [`${servers * toolsEach} tools of ${servers}`, list(rich, richAgent)],
      ]),
      limits,
    )
    console.log(`requests to the MCP servers meanwhile: ${headers.length - asked}`)
  } finally {
    close()
  }
}

/** Prints processor time a call and a list, best of so many rounds. */
export const toolsBench = async (rounds: number, durationMs: number): Promise<void> => {
  console.log(`\ntools, all in this process; best of ${rounds}`)
  const stopServers = await startDependencies()
  try {
    // One session makes all calls.
    const tools = await startTools({ toolCallsPerHour: 0 })
    try {
      await measure(tools, { rounds, durationMs })
    } finally {
      await tools.stop()
    }
  } finally {
    await stopServers()
  }
}
