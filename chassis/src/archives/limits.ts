/** What an archive may be. Whatever breaks one of these is refused, and nothing of it is written. */
import { archiveLimitBytes, largestFileBytes, MeshError } from '@clawmesh/contracts'

export const limits = {
  /** Of the archive as it comes, and of what it unpacks to. */
  bytes: archiveLimitBytes,
  entries: 100_000,
  /** Of the path of an entry. */
  nameBytes: 1_024,
  /** Of a line of records, and of a memory document in it. */
  lineBytes: 10_485_760,
  /** Of an entry that is read whole, such as a context file. */
  textBytes: 1_048_576,
  /** Of a file of the workspace. */
  fileBytes: largestFileBytes,
  /** How often what came may be in what it unpacks to, beyond the first bytes. */
  ratio: 200,
  ratioFromBytes: 67_108_864,
} as const

export type Refusal =
  | 'no tar.gz'
  | 'no description of an agent'
  | 'leads elsewhere'
  | 'no regular file'
  | 'too many entries'
  | 'too much content'
  | 'compressed too well'
  | 'entry too large'
  | 'line too long'
  | 'unreadable entry'

export const refused = (reason: Refusal, cause?: unknown): MeshError =>
  new MeshError('INVALID_REQUEST', 'error.invalid_archive', { reason }, { cause })

/** Whether something unpacks to more than anything honest does. */
export const isBomb = (packedBytes: number, unpackedBytes: number): boolean =>
  unpackedBytes > limits.ratioFromBytes && unpackedBytes > packedBytes * limits.ratio
