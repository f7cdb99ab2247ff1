/** Media that tools read and make, whoever does it for them. */
import type { MakingTool, ReadingTool } from '@clawmesh/contracts'
import type { Usage } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'

export type MediaTool = ReadingTool | MakingTool

/** Who does the work of each tool, as its context has it. */
export const providerPorts = {
  read_image: 'visionProvider',
  read_document: 'documentProvider',
  read_audio: 'audioProvider',
  read_video: 'videoProvider',
  create_image: 'imageGenProvider',
  create_video: 'videoGenProvider',
  create_audio: 'audioGenProvider',
} as const satisfies Record<MediaTool, string>

/** What a reader looks at. */
export interface MediaSource {
  name: string
  /** By what it holds. */
  mimeType: string
  bytes: Buffer
}

/** What was attached to the session of a call. */
export interface Attachments {
  /** The newest of those whose type is wanted; undefined where there is none. @throws TOOL_ERROR when it is too large */
  newest: (isWanted: (mimeType: string) => boolean, mostBytes: number) => Promise<MediaSource | undefined>
  /** @throws TOOL_ERROR when there is none of that id, or it is too large */
  byId: (id: string, mostBytes: number) => Promise<MediaSource>
}

/** Who has done something, and with which model. */
interface AnsweredBy {
  provider: string
  model: string
}

export interface MediaReading extends AnsweredBy {
  text: string
  /** Undefined where the provider does not tell. */
  usage: Usage | undefined
}

/** Answers questions about a file. */
export interface MediaReader {
  /** @throws TOOL_ERROR saying what is missing, or why none of the providers could; the signal's reason */
  read: (prompt: string, source: MediaSource, signal: AbortSignal) => Promise<MediaReading>
}

/** What is to be made; what is absent is left to who makes it. */
export interface MakeRequest {
  prompt: string
  /** Such as 16:9. */
  aspectRatio?: string
  /** Seconds. */
  durationS?: number
  lyrics?: string
  isInstrumental?: boolean
  /** A noise and no music. */
  isSoundEffect?: boolean
  /** Who alone is to make it. */
  provider?: string
}

export interface MadeMedia extends AnsweredBy {
  bytes: Buffer
  /** By what it holds. */
  mimeType: string
  /** With its dot. */
  extension: string
}

export interface MediaMaker {
  /** @throws as `MediaReader.read` */
  make: (wanted: MakeRequest, signal: AbortSignal) => Promise<MadeMedia>
}
