/** Sessions and their messages, as the contract shows them and as they are stored. */
import type { http } from '@clawmesh/contracts'
import type { ContentPart } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { QueryShape, BodyShape, ResponseShape } from '@clawmesh/chassis'

type Operations = typeof http.sessions.operations
type Summary = ResponseShape<Operations['listSessions']['response'][200]>['sessions'][number]
type Shown = ResponseShape<Operations['getSession']['response'][200]>['messages'][number]
type Whole<T> = { [K in keyof T]-?: NonNullable<T[K]> }

export type SessionQuery = QueryShape<Operations['listSessions']>
export type SessionChanges = BodyShape<Operations['patchSession']>
export type SessionBranch = BodyShape<Operations['branchSession']>

export interface Session extends Pick<
  Whole<Summary>,
  | 'sessionKey'
  | 'agentId'
  | 'agentName'
  | 'contextWindow'
  | 'userId'
  | 'model'
  | 'provider'
  | 'channel'
  | 'inputTokens'
  | 'outputTokens'
  | 'compactionCount'
  | 'label'
  | 'metadata'
  | 'messageCount'
> {
  id: string
  summary: string
  compactionError: string | undefined
  messageBytes: number
  /** Number of the next message. */
  nextSeq: number
  createdAt: Date
  updatedAt: Date
}

export type StoredToolCall = Whole<Shown>['toolCalls'][number]

/** What a message carries beside its text. */
export interface MessageExtra extends Partial<
  Pick<Whole<Shown>, 'toolCalls' | 'toolCallId' | 'isError' | 'thinking' | 'partial' | 'mediaRefs'>
> {
  /** The provider's own blocks of the turn, sent back unchanged. */
  providerState?: string
}

export interface NewMessage {
  role: Exclude<Shown['role'], 'system'>
  content: string
  extra?: MessageExtra | undefined
  /** Its texts, images and files in their order, where it has more than texts: shown to the model, never stored. */
  parts?: ContentPart[]
  /** A prompt cache is to keep the conversation up to here; never stored either. */
  cacheMark?: boolean
}

export interface Message extends NewMessage {
  createdAt: Date
  /** Its number in the session, where it was asked for. */
  seq?: number
}

/** A part of a conversation: the newest `limit` messages, behind the `offset` newest, of those before a number. */
export interface MessageWindow {
  limit?: number | undefined
  offset?: number | undefined
  before?: number | undefined
}
