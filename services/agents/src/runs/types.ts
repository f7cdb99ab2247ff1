/** Runs: what is asked for, what comes of it, and what the run loop needs of others. */
import type { ContentPart, Sampling, ToolSpec } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Caller, EventData } from '@clawmesh/contracts'
import type { Call, ChangeEvent } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { ContextFile } from '../context-files/types.ts'
import type { HttpSessionName } from '../sessions/session-keys.ts'
import type { MessageExtra, NewMessage } from '../sessions/types.ts'
import type { Media } from './media.ts'
import type { TraceAs } from './trace-names.ts'

export type Usage = EventData<'runEnded'>['usage']

/** Where a message comes from, and where its answer goes. */
export interface RunOrigin {
  /** `http`, `wake`, or the type of a chat channel. */
  channel: string
  /** The chat on that channel. */
  chatId: string
  peerKind: 'direct' | 'group'
}

/** How a request wants its answers made. What it does not say is left to the agent and the provider. */
export interface RunOptions {
  maxTokens?: number | undefined
  temperature?: number | undefined
  reasoningEffort?: string | undefined
  /** How long prompt caches are to keep what is marked: `5m` or `1h`. */
  cacheTtl?: string | undefined
  /** What calls share that begin with the same prompt; a conversation's own where it is absent. */
  cacheKey?: string | undefined
  /** Only the agent's own model may answer. */
  forbidsFallbacks?: boolean | undefined
  /** All else, in the words of the providers service. The choice of a tool is that of `ClientTools`. */
  sampling?: Partial<Sampling> | undefined
}

/** Tools that the client itself runs. They are offered beside those of the agent; a call of one ends the turn. */
export interface ClientTools {
  /** Their names differ; one with the name of an agent's tool takes its place. */
  tools: readonly ToolSpec[]
  /** `required`: the answer is a call of one of them. With a name: of that one. */
  choice: 'auto' | 'required' | { name: string }
}

/** A call of a client's tool. Its id names the run, so that the next request finds the turn that it continues. */
export interface ClientToolCall {
  id: string
  name: string
  argumentsJson: string
}

/** A piece of a call of a client's tool as it is being written; the first of a call has its id and name. */
export interface ToolCallPiece {
  /** Counts the calls of the client's tools in this answer. */
  index: number
  id: string
  name: string
  argumentsDelta: string
}

export interface RunRequest {
  /** Id of the run, where somebody waits for its events already; else one is made up. */
  runId?: string | undefined
  /** What is shown of the answer is kept before it is shown, so that it outlives the process. */
  keepsText?: boolean | undefined
  /** The run is cancelled once nobody has followed it for so long. */
  graceMs?: number | undefined
  caller: Caller
  agent: Agent
  origin: RunOrigin
  /** What its trace is called and tagged where it is not `chat <agent key>`: work that nobody is waiting for. */
  traceAs?: TraceAs | undefined
  /** Continues this session; without it the run gets a new one. */
  sessionKey?: string | undefined
  /** What the name of a session begins with that is made for the run; `http` unless said. */
  sessionName?: HttpSessionName
  /** May be empty where `opening` says something. */
  message: string
  /** Called when the turn comes: texts that were said meanwhile and belong to it. */
  gather?: () => readonly string[]
  /** Texts and images of the message in their order; empty when it is only text. */
  parts: ContentPart[]
  /** Files that go with the message, as it is stored. */
  attached?: MessageExtra['mediaRefs']
  /** A prompt cache is to keep the conversation up to the message. */
  cacheMark?: boolean | undefined
  /** Messages right before `message` that are stored like it: results of the client's tools, say. */
  opening?: readonly NewMessage[] | undefined
  /** Turns that the request brings along, before those of the session; shown to the model, not stored. */
  priorTurns: readonly NewMessage[]
  /** Whether results of tools from outside are looked at like messages. */
  guardsResults?: boolean
  /** System text of the request, after the agent's own. */
  requestSystem: string
  /** No context files stand in the prompt. */
  withoutFiles?: boolean
  userId: string
  stream: boolean
  options?: RunOptions | undefined
  clientTools?: ClientTools | undefined
  /** What the client notes about the request; kept with the trace. */
  metadata?: Readonly<Record<string, string>> | undefined
}

export interface RunResult {
  runId: string
  content: string
  /** What the model thought before its last answer. */
  thinking: string
  /** `tool_calls` when the turn waits for the client's tools. */
  finishReason: 'stop' | 'length' | 'tool_calls'
  /** Calls of the client's tools, in order. */
  toolCalls: readonly ClientToolCall[]
  /** Files that go with the answer. */
  media: readonly Media[]
  /** Absent when the provider reported none. */
  usage: Usage | undefined
}

export interface RunObserver {
  /** The run has begun and has this id. */
  started?: (runId: string) => void
  /** A piece of text for the reader; a promise is waited for. */
  text?: (delta: string) => Promise<void> | void
  /** A piece of what the model thinks; a promise is waited for. */
  thinking?: (delta: string) => Promise<void> | void
  /** A piece of a call of the client's tools; a promise is waited for. */
  toolCall?: (piece: ToolCallPiece) => Promise<void> | void
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
  /** What starts the turn, mostly a user message. */
  messages: readonly NewMessage[]
  inputPreview: string
  leaseMs: number
}

/** How a run in a session of its own begins; not when that exists already, or the agent is gone. */
export type FreshBegin = 'begun' | 'taken' | 'gone'

/** A session as its run holds it. */
export interface HeldSession {
  sessionId: string
  agentId: string
  userId: string
  summary: string
  compactionCount: number
  label: string
  /** Number of the first message that began the turn. */
  seq: number
  /** Number of the first message that the model is shown. */
  firstSeq: number
}

/** How a run in a session that may exist begins; `held` by another run it cannot be taken, `gone` is the agent. */
export type NamedBegin = HeldSession | 'held' | 'gone'

/** A run that is on. */
export interface RunningRun {
  runId: string
  agentId: string
  sessionKey: string
  userId: string
  channel: string
}

/** What is stored of a run. */
export interface RunOutcome {
  status: 'running' | EndedRun['status']
  error: string | null
  userId: string
  content: string
}

/** A piece of an answer as it was shown. */
export interface ShownText {
  runId: string
  tenantId: string
  iteration: number
  position: number
  content: string
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
  /** Of the job whose run it is, as long as there is one. */
  jobName: string | null
}

/** The run path. Statements of one run are its tenant's; batches, leases and lost runs are those of all tenants. */
export interface RunRows {
  /** Begins a run in a session made up for it, which has the run's id. */
  beginFresh: (run: NewRun) => Promise<FreshBegin>
  /** Begins a run and takes its session, made when new. */
  begin: (run: NewRun) => Promise<NamedBegin>
  /**
   * Ends a run: its last messages, the session's counters, the release of the session and the events, in one
   * statement. False when another replica has declared it lost, or its agent is gone; nothing is written then.
   */
  end: (run: EndedRun) => Promise<boolean>
  /** Who a session belongs to, for telling "busy" from "not yours". */
  sessionOwner: (tenantId: string, sessionKey: string) => Promise<{ agentId: string; userId: string } | undefined>
  /** The runs that are on, of those that a filter fits. */
  running: (
    tenantId: string,
    filter: { sessionKey?: string; runId?: string; agentId?: string },
  ) => Promise<RunningRun[]>
  /** What came of a run so far, with all that was stored of its answers; of one that is on, too. */
  outcome: (tenantId: string, runId: string) => Promise<RunOutcome | undefined>
  /** Keeps what is shown. */
  keepText: (text: ShownText) => Promise<void>
  /** What a run has shown of the answer that it has not stored. */
  unstoredText: (tenantId: string, runId: string) => Promise<string>
  /** Forgets texts of runs that have ended. */
  forgetTexts: () => Promise<void>
  /** Appends the messages of one iteration. False when the run is no longer ours. */
  append: (tenantId: string, runId: string, messages: readonly NewMessage[]) => Promise<boolean>
  /** Renews the leases of runs that this replica works on. Gives the ids of those that are still on. */
  renew: (runIds: readonly string[], leaseMs: number) => Promise<string[]>
  /** Runs whose replica has gone silent. */
  lost: (limit: number) => Promise<LostRun[]>
}

/** The tools of an agent for a user. `isFresh` asks for them although they are known: a tool has just changed them. */
export type ListTools = (
  call: Call,
  agent: Agent,
  userId: string,
  options?: { isFresh: boolean },
) => Promise<ToolSpec[]>
export type ContextFilesOf = (agent: Agent, userId: string) => Promise<ContextFile[]>
/** US dollars an agent has cost this month. */
export type MonthCost = (call: Call, agent: Agent) => Promise<number>
