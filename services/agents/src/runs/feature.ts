/** Runs: the loop in which an agent answers, its tools and its limits, and the end of runs whose process died. */
import { MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ToolsServiceService, type ListToolsResponse } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { TracesServiceService } from '@clawmesh/contracts/gen/clawmesh/traces/v1/traces.ts'
import { createJobQueue, detached, type ConfigOf, type Feature, type Mesh, type ServiceDb } from '@clawmesh/chassis'
import type { PrismaClient } from '../db/client/client.ts'
import type { AgentLookup } from '../agents/lookup.ts'
import type { DeliverTo } from '../sessions/delivery.ts'
import { createActiveRuns } from './active-runs.ts'
import { createTraced } from './background-trace.ts'
import { createBeginRun } from './begin.ts'
import { createCompactSession } from './compact-session.ts'
import { createMeet } from './first-meeting.ts'
import { createFollowRun, type FollowRun } from './follow.ts'
import { createLanes } from './lanes.ts'
import { createLostRunsPart } from './lost-runs.ts'
import { createFlushMemory } from './memory-flush.ts'
import { createPromptTokens, type PromptTokens } from './prompt-tokens.ts'
import { createRememberSession } from './remember-session.ts'
import { createRunAsks } from './run-asks.ts'
import { createRunContexts } from './run-context.ts'
import { createRunFeed } from './run-feed.ts'
import { createRunRows } from './rows.ts'
import { createRunningRuns, type RunningRuns } from './running.ts'
import { createSend, type Send } from './send.ts'
import { createSessionQueue } from './session-queue.ts'
import { createRunRules } from './rules.ts'
import { sessionJobs } from './session-jobs.ts'
import { createSessionWorkRows } from './session-rows.ts'
import type { runSettings } from './settings.ts'
import { createTenantMessageRules } from './tenant-message-rules.ts'
import { createTitleSession } from './title-session.ts'
import { toolPolicyOf } from './tool-policy.ts'
import { createTurn } from './turn.ts'
import type { ListTools, RunRows } from './types.ts'
import { createRun, type Run } from './use-cases.ts'

type RunConfig = ConfigOf<{ name: string; settings: typeof runSettings }>

const cachedToolLists = 10_000
/** What changes which tools an agent is offered. */
const listedFrom = ['builtin_tools', 'mcp', 'secure_cli', 'custom_tools', 'system_configs'] as const
/** Runs are ended so long before the connections of their readers are, so that these learn of it. */
const lastWordMs = 1_000

/** Lists are kept for all users of an agent, unless its tools depend on the user. */
const createListTools = (mesh: Mesh): ListTools => {
  const tools = mesh.client(ToolsServiceService)
  const lists = mesh.cache<ListToolsResponse>(listedFrom, cachedToolLists)
  return async (call, agent, userId, { isFresh } = { isFresh: false }) => {
    const { json: toolsConfigJson, digest } = toolPolicyOf(agent)
    const { provider } = agent
    const key = `${agent.id} ${digest} ${provider}`
    const load = () => tools.listTools(detached(call), { agentId: agent.id, toolsConfigJson, userId, provider })
    if (isFresh) return (await load()).tools
    const shared = await lists.get(agent.tenantId, key, load)
    if (shared?.ofUser !== true) return shared?.tools ?? []
    return (await lists.get(agent.tenantId, `${key} ${userId}`, load))?.tools ?? []
  }
}

export const createRuns = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  config: RunConfig,
  {
    contextFiles: files,
    isFileWriter,
    findAgent,
    deliverTo,
  }: {
    contextFiles: Parameters<typeof createMeet>[0]['files']
    isFileWriter: Parameters<typeof createMeet>[0]['isFileWriter']
    findAgent: AgentLookup['find']
    deliverTo: DeliverTo
  },
) => {
  const log = mesh.log.child({ service: 'agents' })
  const traces = mesh.client(TracesServiceService)
  const rows = createRunRows(db)
  const active = createActiveRuns()
  const feed = createRunFeed({ bus: mesh.bus, log })
  const asks = createRunAsks({ bus: mesh.bus, active, log })
  const sessionRows = createSessionWorkRows(db)
  const jobs = createJobQueue(db.database, sessionJobs)
  const traced = createTraced({ rows: sessionRows, log })
  const { chat } = mesh.client(ProvidersServiceService)
  const { invokeTool } = mesh.client(ToolsServiceService)
  const listTools = createListTools(mesh)
  const { runLeaseMs: leaseMs, runHeartbeatMs: heartbeatMs, sessionWaitMs } = config

  const { run, prepare, runPrepared } = createRun({
    messageRules: createTenantMessageRules(
      mesh,
      () => ({ maxChars: config.maxMessageChars(), injectionAction: config.injectionAction() }),
      log,
    ),
    rules: createRunRules({
      log,
      rows,
      monthCost: async (call, agent) => (await traces.getAgentMonthCost(call, { agentId: agent.id })).costUsd,
    }),
    inLane: createLanes({
      main: config.laneMain,
      subagent: config.laneSubagent,
      team: config.laneTeam,
      cron: config.laneCron,
    }),
    isLeaving: active.isLeaving,
    turn: createTurn({
      rows,
      begin: createBeginRun({ rows, leaseMs, sessionWaitMs }),
      active,
      publish: feed.publish,
      log,
      chat,
      invokeTool,
      listTools,
      meet: createMeet({ files, isFileWriter, log }),
      deliverTo,
      contextOf: createRunContexts({ rows: sessionRows, jobs, chat, log }),
    }),
  })

  const send = createSend({
    prepare,
    runPrepared,
    rows,
    ask: asks.ask,
    mode: config.queueMode,
    queue: createSessionQueue({
      cap: config.queueCap,
      drop: config.queueDrop,
      debounceMs: config.queueDebounceMs,
    }),
  })
  const running = createRunningRuns({ rows, ask: asks.ask })

  return {
    run,
    send,
    running,
    rows,
    graceMs: config.resumeGraceMs,
    promptTokens: createPromptTokens({ contextFiles: files.forRun, listTools }),
    follow: createFollowRun({ bus: mesh.bus, ask: asks.ask, rows, graceMs: config.resumeGraceMs }),
    lameDuck: () => {
      const { lameDuckMs, drainTimeoutMs } = mesh.config
      setTimeout(active.abort, lameDuckMs + Math.max(drainTimeoutMs - lastWordMs, drainTimeoutMs / 2)).unref()
    },
    jobs: jobs.implementedBy({
      compactSession: createCompactSession({
        rows: sessionRows,
        findAgent,
        flushMemory: createFlushMemory({ rows: sessionRows, chat, listTools, invokeTool, traced }),
        traced,
        chat,
        rememberLater: (tenantId, sessionId) =>
          jobs.add(tenantId, 'rememberSession', { sessionId }, { key: sessionId }),
        log,
      }),
      rememberSession: createRememberSession({
        rows: sessionRows,
        findAgent,
        memory: mesh.client(MemoryServiceService),
      }),
      titleSession: createTitleSession({ rows: sessionRows, findAgent, traced, chat }),
    }),
    parts: [
      asks.part,
      feed.part,
      createLostRunsPart({ rows, publish: feed.publish, log, leaseMs, heartbeatMs, active }),
      { name: 'runs', stop: () => active.drain(mesh.config.drainTimeoutMs) },
    ],
  } satisfies Feature & {
    run: Run
    send: Send
    running: RunningRuns
    rows: RunRows
    graceMs: number
    promptTokens: PromptTokens
    follow: FollowRun
    lameDuck: () => void
  }
}
