/**
 * The seam between runs and the protocols that clients speak. A protocol (a folder here) reads its request into a
 * `ForeignRequest`; `foreign-runs.ts` runs it; what the run tells its observer, and its result, the protocol writes in
 * its own words.
 */
import type { ClientTools, RunOptions, RunRequest } from '../runs/types.ts'
import type { HttpSessionName } from '../sessions/session-keys.ts'
import type { NewMessage, StoredToolCall } from '../sessions/types.ts'

/** An image, audio or a document by its URL, inline or to be fetched. */
export type ForeignMedia = { imageUrl: string } | { file: { url: string; name: string } }
export type ForeignPart = { text: string } | ForeignMedia

export type ForeignMessage = {
  /** A prompt cache is to keep the conversation up to here. */
  cacheMark?: boolean
} & (
  | { role: 'user'; content: readonly ForeignPart[] }
  | { role: 'assistant'; content: readonly ForeignPart[]; toolCalls: readonly StoredToolCall[] }
  | { role: 'tool'; content: readonly ForeignPart[]; toolCallId: string; isError?: boolean }
)

/** Stands for a message of an earlier turn, which its protocol has given an id. */
export interface ForeignReference {
  role: 'reference'
  id: string
  /** The beginning of the id of the turn's run. */
  runIdPrefix: string
  /** Finds the message in what is stored of the turn. */
  find: (runId: string, turn: readonly NewMessage[]) => ForeignMessage | undefined
}

export interface ForeignRequest {
  /** Agent by id or key. */
  agentRef: string
  /** What the name of a session that is made for it begins with, after the agent's. */
  sessionName: HttpSessionName
  /** The conversation, oldest first. What its last user says, or its last tool results, are the turn. */
  messages: readonly (ForeignMessage | ForeignReference)[]
  /** The messages before the turn are stored with it, so that a later request can continue all of it. */
  storesHistory?: boolean
  /** The beginning of the id of an earlier run that this request continues. */
  continues?: string | undefined
  /** System text of the request. */
  instructions: string
  options: RunOptions
  clientTools: ClientTools | undefined
  metadata: Readonly<Record<string, string>> | undefined
  stream: boolean
  runId?: RunRequest['runId']
  keepsText?: RunRequest['keepsText']
  graceMs?: RunRequest['graceMs']
}

export const mediaOf = (content: readonly ForeignPart[]): ForeignMedia[] =>
  content.flatMap((part) => ('text' in part ? [] : [part]))

/** The texts of a content, joined by line breaks. */
export const textOf = (content: readonly ForeignPart[]): string =>
  content.flatMap((part) => ('text' in part ? [part.text] : [])).join('\n')
