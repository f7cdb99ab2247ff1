/** Runs: what is asked for, what comes of it, and what the run loop needs of others. */
import type { ContentPart, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Caller, EventData } from '@clawmesh/contracts'
import type { Call, ChangeEvent } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { ContextFile } from '../context-files/types.ts'
import type { Message, NewMessage } from '../sessions/types.ts'

export type Usage = EventData<'runFinished'>['usage']

/** Where a message comes from, and where its answer goes. */
export interface RunOrigin {
  /** `http`, `wake`, or the type of a chat channel. */
  channel: string
  /** The chat on that channel. */
  chatId: string
  peerKind: 'direct' | 'group'
}

export interface RunRequest {
  caller: Caller
  agent: Agent
  origin: RunOrigin
  /** Continues this session; without it the run gets a new one. */
  sessionKey?: string | undefined
  message: string
  /** Texts and images of the message in their order; empty when it is only text. */
  parts: ContentPart[]
  /** Turns that the request brings along; shown to the model, not stored. */
  priorTurns: readonly NewMessage[]
  /** System text of the request, after the agent's own. */
  requestSystem: string
  userId: string
  stream: boolean
  maxTokens?: number | undefined
}

export interface RunResult {
  runId: string
  content: string
  finishReason: 'stop' | 'length'
  /** Absent when the provider reported none. */
  usage: Usage | undefined
}

export interface RunObserver {
  /** The run has begun and has this id. */
  started?: (runId: string) => void
  /** A piece of text for the reader; a promise is waited for. */
  text?: (delta: string) => Promise<void> | void
  /** Something happens that takes time, so that a waiting reader can be kept waiting. */
  busy?: () => void
}

export interface NewRun {
  runId: string
  tenantId: string
  sessionKey: string
  agentId: string
  agentKey: string
  userId: string
  channel: string
  /** The user message that starts the turn. */
  message: string
  inputPreview: string
  leaseMs: number
}

/** A session as its run holds it. */
export interface HeldSession {
  sessionId: string
  agentId: string
  userId: string
  summary: string
  /** Number of the user message that began the turn. */
  seq: number
  firstSeq: number
}

export interface EndedRun {
  runId: string
  tenantId: string
  status: 'completed' | 'failed' | 'cancelled'
  error?: string | undefined
  messages: readonly NewMessage[]
  usage: Usage
  provider: string
  model: string
  events: readonly ChangeEvent[]
}

export interface LostRun {
  id: string
  tenantId: string
  sessionKey: string
  agentId: string
  agentKey: string
  userId: string
  channel: string
  inputPreview: string
  startedAt: Date
}

/** The run path. Statements of one run are its tenant's; batches, leases and lost runs are those of all tenants. */
export interface RunRows {
  /** Begins a run in a session made up for it, which has the run's id. False when that exists already. */
  beginFresh: (run: NewRun) => Promise<boolean>
  /** Begins a run and takes its session, made when new. `undefined` when another run holds the session. */
  begin: (run: NewRun) => Promise<HeldSession | undefined>
  /**
   * Ends a run: its last messages, the session's counters, the release of the session and the events, in one
   * statement. False when another replica has declared it lost; nothing is written then.
   */
  end: (run: EndedRun) => Promise<boolean>
  /** Who a session belongs to, for telling "busy" from "not yours". */
  sessionOwner: (tenantId: string, sessionKey: string) => Promise<{ agentId: string; userId: string } | undefined>
  /** The messages of a held session before its current turn, the newest `limit` of them, oldest first. */
  history: (tenantId: string, session: HeldSession, limit: number) => Promise<Message[]>
  /** Appends the messages of one iteration. False when the run is no longer ours. */
  append: (tenantId: string, runId: string, messages: readonly NewMessage[]) => Promise<boolean>
  /** Renews the leases of runs that this replica works on. */
  renew: (runIds: readonly string[], leaseMs: number) => Promise<void>
  /** Runs whose replica has gone silent. */
  lost: (limit: number) => Promise<LostRun[]>
}

export type ListTools = (call: Call, agent: Agent) => Promise<ToolSpec[]>
export type ContextFilesOf = (agent: Agent, userId: string) => Promise<ContextFile[]>
/** US dollars an agent has cost this month. */
export type MonthCost = (call: Call, agent: Agent) => Promise<number>
