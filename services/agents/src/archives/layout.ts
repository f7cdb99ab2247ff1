/** Where in an archive what stands. */
/** Records of these kinds are JSON lines, each in an entry of its own. */
export const recordEntries = {
  'knowledge_graph/entities.jsonl': 'entity',
  'knowledge_graph/relations.jsonl': 'relation',
  'sessions/sessions.jsonl': 'sessionLine',
  'cron/jobs.jsonl': 'cronJob',
  'grants/shares.jsonl': 'share',
  'grants/permissions.jsonl': 'permission',
  'user_profiles.jsonl': 'profile',
} as const

/** A text as one name of a path. */
export const entryName = (text: string): string => text.replaceAll('..', '__').replace(/[/\\]/g, '_')

/** Where an entry keeps the id of a user that `entryName` has changed (a record of the extended header, POSIX pax). */
export const userRecord = 'CLAWMESH.user_id'

export const globalDocuments = 'memory/global.jsonl'
export const documentsOf = (userId: string): string => `memory/users/${entryName(userId)}.jsonl`
export const contextFileOf = (userId: string, name: string): string =>
  userId === '' ? `context_files/${entryName(name)}` : `user_context_files/${entryName(userId)}/${entryName(name)}`
