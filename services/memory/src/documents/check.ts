/** What memory refuses, wherever it comes from. */
import { cutText } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import type { MemoryAgent } from '../agents/types.ts'
import type { Address, DocumentKey } from './types.ts'

/** Texts of this many bytes are stored, no longer ones: appending must not grow a document for ever. */
export const documentLimitBytes = 10_485_760

/** A path that stays inside an agent's memory. @throws INVALID_REQUEST */
export const checkPath = (path: string): string => {
  if (path === '' || path.length > 500 || path.startsWith('/') || path.includes('..') || /[\\\0]/.test(path))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(path.replaceAll('\0', '\\0'), 500) })
  return path
}

/** PostgreSQL stores no NUL characters. @throws INVALID_REQUEST naming the field */
export const checkText = (field: string, text: string): string => {
  if (text.includes('\0'))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: 'NUL character' })
  return text
}

/** Where a document of an agent is. @throws INVALID_REQUEST */
export const documentKey = ({ id }: Pick<MemoryAgent, 'id'>, { userId, path }: Address): DocumentKey => ({
  agentId: id,
  userId: checkText('user_id', userId),
  path: checkPath(path),
})

/** Only Markdown is searched. */
export const isIndexed = (path: string): boolean => path.toLowerCase().endsWith('.md')

export const documentNotFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'document', id })
