/** An agent as an archive: its entries in their order, and how far that is. */
import { toContract, type Call } from '@clawmesh/chassis'
import { openScratch, packArchive, type ArchiveEntry, type Report, type Scratch } from '@clawmesh/chassis/archives'
import type { Agent } from '../agents/types.ts'
import { agentFields } from './records.ts'
import { sections, textEntry, type Section, type Sources } from './sections.ts'

const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** What the agent is, without what belongs to where it lives: ids, owner, tenant, budget, workspace. */
const agentJson = (agent: Agent): string => {
  const { shape } = agentFields
  const known = toContract(agentFields, agent) as Record<string, unknown>
  const fields = Object.entries(known).filter(([name, value]) => name in shape && value !== null && value !== undefined)
  return pretty({ agent_key: agent.agentKey, status: agent.status, ...Object.fromEntries(fields) })
}

interface ExportRequest {
  call: Call
  agent: Agent
  wanted: readonly Section[]
  report: Report
}

export const createExportAgent = (sources: Sources, now: () => Date = () => new Date()) => {
  const entriesOf = async function* (
    { call, agent, wanted, report }: ExportRequest,
    scratch: Scratch,
  ): AsyncGenerator<ArchiveEntry> {
    const counted: Record<string, object> = { config: { count: 1 } }
    await report({ phase: 'config', status: 'running' })
    yield textEntry('agent.json', agentJson(agent))
    await report({ phase: 'config', status: 'done', current: 1 })
    for (const section of wanted) {
      if (section === 'config') continue
      Object.assign(counted, yield* sections[section]({ call, agent, scratch, sources, report }))
    }
    const manifest = {
      version: 1,
      format: 'goclaw-agent-export',
      exported_at: now().toISOString(),
      exported_by: call.caller.userId,
      agent_key: agent.agentKey,
      agent_id: agent.id,
      sections: counted,
    }
    yield textEntry('manifest.json', pretty(manifest))
  }

  /** The bytes of an archive as it is made. @throws PAYLOAD_TOO_LARGE, and what its sources throw */
  return async function* (request: ExportRequest): AsyncGenerator<Buffer> {
    const scratch = await openScratch()
    try {
      yield* packArchive(entriesOf(request, scratch))
    } finally {
      await scratch.remove()
    }
  }
}
