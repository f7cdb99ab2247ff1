/** What a tool is, what it is given, and what it answers. */
import { perObject } from '@clawmesh/chassis'
import { z } from 'zod'
import type {
  GetContextFileRequest,
  GetContextFileResponse,
  SetContextFileRequest,
} from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type {
  ListAgentSessionsRequest,
  ListAgentSessionsResponse,
  ReadAgentSessionRequest,
  ReadAgentSessionResponse,
  SendToAgentSessionRequest,
  SendToAgentSessionResponse,
} from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import type {
  GetDocumentRequest,
  GetDocumentResponse,
  PutDocumentRequest,
  SearchGraphRequest,
  SearchGraphResponse,
  SearchRequest,
  SearchResponse,
  WalkGraphRequest,
  WalkGraphResponse,
} from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { BrowserPort } from '../browser/use-cases.ts'
import type { Attachments, MediaMaker, MediaReader } from '../media/types.ts'
import type { Speaker } from '../tts/types.ts'
import type { WebAccess } from '../web/web-access.ts'
import type { Workspace } from '../workspace/index.ts'

export interface ToolResult {
  /** For the model. */
  output: string
  isError: boolean
  /** For the user; often empty. */
  forUser: string
  /** `deliver`: absolute paths of files to attach to the reply. The rest is information. */
  metadata: Record<string, unknown>
}

/** Long-term memory, bound to the caller's tenant. */
export interface Memory {
  search(request: SearchRequest): Promise<SearchResponse>
  get(request: GetDocumentRequest): Promise<GetDocumentResponse>
  /** Where the tenant wants it, the knowledge graph learns from what is written. */
  put(request: Omit<PutDocumentRequest, 'extraction'>): Promise<unknown>
}

/** What agents know as a graph, bound to the caller's tenant. */
export interface KnowledgeGraph {
  search(request: SearchGraphRequest): Promise<SearchGraphResponse>
  walk(request: WalkGraphRequest): Promise<WalkGraphResponse>
}

/** The agents' context files, bound to the caller's tenant. An empty user id means the agent's own file. */
export interface ContextFiles {
  get(request: GetContextFileRequest): Promise<GetContextFileResponse>
  set(request: SetContextFileRequest): Promise<unknown>
  /** Whether the user of the call may change who the agent is; in a group a rule has to allow it. */
  isWriter(): Promise<boolean>
}

export interface AgentFacts {
  id: string
  key: string
  type: 'open' | 'predefined'
  /** Whether a predefined agent may rewrite its SOUL.md. */
  selfEvolve: boolean
  /** Whether all users of the agent have one memory. */
  shareMemory: boolean
  /** The lead of the team that the agent works in as a member: its memory is read too, and none is written. */
  leadId?: string | undefined
}

export interface TeamFolder {
  workspace: Workspace
  role: 'lead' | 'member' | 'reviewer'
}

export interface ShellCommand {
  command: string
  /** Relative to the workspace. */
  workingDir: string
  signal: AbortSignal
  /** For one that an operator wrote: all groups deny, nobody is asked, and these are its variables and its time. */
  ofOperator?: { env: Readonly<Record<string, string>>; timeoutMs: number }
}

/** A shell in the workspace of a call, behind the guard. */
export interface Shell {
  /** Runs a command, or says why not. @throws TOOL_ERROR when it may not run, or nothing can run it */
  run: (command: ShellCommand) => Promise<ToolResult>
}

/** What an agent does at set times for the user of a call. */
export interface Schedules {
  /**
   * @param operation a WebSocket method of the groups cron and heartbeat
   * @throws TOOL_ERROR saying what is wrong with the params, or that it may not be
   */
  manage: (operation: string, params: object) => Promise<unknown>
}

/** The sessions of the agent with the user of a call, and no others. */
export interface OwnSessions {
  list(query: Pick<ListAgentSessionsRequest, 'limit' | 'activeMinutes'>): Promise<ListAgentSessionsResponse>
  read(query: Omit<ReadAgentSessionRequest, 'agentId' | 'userId'>): Promise<ReadAgentSessionResponse>
  /** @throws TOOL_ERROR where it may not be sent */
  send(message: Omit<SendToAgentSessionRequest, 'agentId' | 'userId'>): Promise<SendToAgentSessionResponse>
}

/** What tools work on, beyond the facts of a call. */
export interface Ports {
  agent: AgentFacts
  workspace: Workspace
  memory: Memory
  knowledgeGraph: KnowledgeGraph
  contextFiles: ContextFiles
  web: WebAccess
  schedules: Schedules
  sessions: OwnSessions
  shell: Shell
  ttsProvider: Speaker
  attachments: Attachments
  visionProvider: MediaReader
  documentProvider: MediaReader
  audioProvider: MediaReader
  videoProvider: MediaReader
  imageGenProvider: MediaMaker
  videoGenProvider: MediaMaker
  audioGenProvider: MediaMaker
  browser: BrowserPort
}

/** Who calls a tool, and what it may use. Absent parts make the tools that need them fail, no others. */
export interface ToolContext extends Partial<Ports> {
  tenantId: string
  userId: string
  sessionKey: string
  channel: string
  chatId: string
  peerKind: 'direct' | 'group'
  team?: TeamFolder | undefined
  /** Further folders that may be read by absolute path: skills, workspaces of CLI agents. */
  readable?: readonly Workspace[] | undefined
  /** How much of the run's iterations is used up, 0 to 1. */
  iterationShare?: number | undefined
  signal: AbortSignal
}

/** A tool as it is run, whoever declares it. */
export interface Tool<Parameters extends z.ZodObject = z.ZodObject> {
  name: string
  /** For the model. */
  description: string
  parameters: Parameters
  /** JSON Schema of the arguments of a tool that others declare; `parameters` says little of them then. */
  jsonSchema?: Record<string, unknown>
  /** How long a call may take, where that is not what the installation says; in milliseconds. */
  timeoutMs?: number | undefined
  /** @throws TOOL_ERROR with a text for the model; of anything else no more than a code is shown */
  run(args: z.output<Parameters>, context: ToolContext): Promise<ToolResult>
}

/** An answer that is no failure. */
export const says = (output: string, rest: Partial<Omit<ToolResult, 'output' | 'isError'>> = {}): ToolResult => ({
  output,
  isError: false,
  forUser: '',
  metadata: {},
  ...rest,
})

/** An answer that tells the model what went wrong. */
export const fails = (output: string, metadata: Record<string, unknown> = {}): ToolResult => ({
  output,
  isError: true,
  forUser: '',
  metadata,
})

const isBrief = 'isBrief'

/** An object that models are told of in words alone: the schema of another parameter says already what it is made of. */
export const inBrief = <S extends z.ZodType>(schema: S, description: string): S =>
  schema.meta({ description, [isBrief]: true })

const isSafeBound = (bound: unknown): boolean => Math.abs(Number(bound)) === Number.MAX_SAFE_INTEGER

/**
 * Leaves out what models pay for with every request and do not need: the pattern of a format, what numbers can be held at
 * all, and lengths that nobody writes. Arguments are judged by the schema itself, and what is wrong with them is said.
 */
const shorten = ({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void => {
  if (jsonSchema[isBrief] === true) for (const key of [isBrief, 'properties', 'required']) delete jsonSchema[key]
  if ('format' in jsonSchema) delete jsonSchema['pattern']
  if (isSafeBound(jsonSchema['minimum'])) delete jsonSchema['minimum']
  if (isSafeBound(jsonSchema['maximum'])) delete jsonSchema['maximum']
  delete jsonSchema['maxLength']
}

const schemaOf = perObject((parameters: z.ZodObject): Record<string, unknown> =>
  z.toJSONSchema(parameters, { io: 'input', override: shorten }),
)

/** The JSON Schema of a tool's arguments, as models are given it. */
export const parametersSchema = (tool: Tool): Record<string, unknown> => {
  const { $schema: _, ...schema } = tool.jsonSchema ?? schemaOf(tool.parameters)
  return schema
}
